import DifferentialPrivacy
import Testing

@Suite("The analytic Gaussian")
struct AnalyticGaussianTests {
  @Test("epsilon equals the reference's closed form down to a delta of 1e-12")
  func reference() throws {
    let table = try ReferenceTable("mechanisms_reference.csv")
    var checkedCount = 0
    for row in table.rows {
      guard let name = row["mechanisms"], name.hasPrefix("gaussian("),
        let exact = row.number("exact"), let delta = row.number("delta"),
        let sigma = Double(name.dropFirst(9).prefix { $0 != ")" }),
        let count = Double(name.split(separator: "x").last ?? "")
      else { continue }
      let epsilon = AnalyticGaussian.epsilon(
        noiseMultiplier: try NoiseMultiplier(sigma / count.squareRoot()), delta: try Delta(delta))
      #expect(abs(epsilon / exact - 1) < 1e-10, "\(name) at \(delta)")
      checkedCount += 1
    }
    #expect(checkedCount == 16)
  }

  @Test(
    "noise multiplier and epsilon are each other's inverse",
    arguments: [0.01, 0.5, 1, 3, 20, 300], [1e-2, 1e-5, 1e-12, 1e-30])
  func inverse(epsilon: Double, delta: Double) throws {
    let target = try PrivacyParameters(epsilon: epsilon, delta: delta)
    let multiplier = try AnalyticGaussian.noiseMultiplier(for: target)
    let back = AnalyticGaussian.epsilon(noiseMultiplier: multiplier, delta: target.delta)
    #expect(abs(back / epsilon - 1) < 1e-6)
    let spent = try AnalyticGaussian.delta(noiseMultiplier: multiplier, epsilon: epsilon)
    #expect(spent <= delta * (1 + 1e-9) && spent > delta * 0.999)
  }

  @Test("with enough noise epsilon is 0, and it is finite at the other end")
  func ends() throws {
    let huge = try NoiseMultiplier(1e9)
    #expect(AnalyticGaussian.epsilon(noiseMultiplier: huge, delta: try Delta(1e-5)) == 0)
    #expect(try AnalyticGaussian.delta(noiseMultiplier: huge, epsilon: 0) < 4e-10)
    let tiny = try NoiseMultiplier(0.01)
    let epsilon = AnalyticGaussian.epsilon(noiseMultiplier: tiny, delta: try Delta(1e-12))
    #expect(epsilon > 5000 && epsilon < 6000)
    #expect(throws: DifferentialPrivacyError.self) {
      try AnalyticGaussian.delta(noiseMultiplier: tiny, epsilon: -1)
    }
  }
}
