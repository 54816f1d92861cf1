import DifferentialPrivacy
import Testing

private func sampled(
  _ sigma: Double, _ rate: Double, _ stepCount: Int
) throws -> PrivacyPlan {
  try PrivacyPlan(
    .sampledGaussian(NoiseMultiplier(sigma), SamplingRate(rate)), stepCount: StepCount(stepCount))
}

@Suite("Privacy plans")
struct PrivacyPlanTests {
  @Test("epsilon of the subsampled Gaussian is tight and never below the reference's error")
  func sampledReference() throws {
    let table = try ReferenceTable("epsilon_reference.csv")
    var checkedCount = 0
    for row in table.rows {
      guard let truth = row.number("reference_eps"), let error = row.number("reference_err"),
        let rate = row.number("q"), let sigma = row.number("sigma"),
        let stepCount = row.number("T"), let delta = row.number("delta")
      else { continue }
      let epsilon = try sampled(sigma, rate, Int(stepCount)).epsilon(at: Delta(delta))
      if rate == 1e-6 {
        // The reference errs above by more than it states; a contour integral gives these.
        let integral = delta == 1e-12 ? 1.972_681 : 0.026_618
        #expect(epsilon >= integral && epsilon <= integral * 1.02)
      } else {
        #expect(epsilon >= truth - error, "\(row)")
        #expect(epsilon <= truth * (1 + 1e-4) + error, "\(row)")
      }
      checkedCount += 1
    }
    #expect(checkedCount > 100)
  }

  @Test("epsilon of other mechanisms agrees with the reference")
  func mechanismReference() throws {
    let table = try ReferenceTable("mechanisms_reference.csv")
    for row in table.rows {
      guard let name = row["mechanisms"], let delta = row.number("delta"),
        let theirs = row.number("pld_dpacc"), let tolerance = row.number("pld_dpacc_half_interval"),
        let plan = try plan(named: name)
      else { continue }
      let epsilon = plan.epsilon(at: try Delta(delta))
      let slack = abs(theirs - tolerance) + 1e-4 * theirs
      #expect(abs(epsilon - theirs) <= slack, "\(name) at \(delta)")
      if let exact = row.number("exact") { #expect(epsilon >= exact * (1 - 1e-9), "\(name)") }
    }
  }

  @Test("no step, no sampling and no mechanism cost nothing")
  func free() throws {
    #expect(PrivacyPlan().epsilon(at: try Delta(1e-12)) == 0)
    #expect(try sampled(0.01, 0.5, 0).epsilon(at: Delta(1e-12)) == 0)
    #expect(try sampled(0.01, 0, 1_000_000).epsilon(at: Delta(1e-12)) == 0)
  }

  @Test(
    "sampling everybody is the closed form of the pooled Gaussian", arguments: [1, 10, 100_000])
  func everybody(stepCount: Int) throws {
    let pooled = try NoiseMultiplier(30 / Double(stepCount).squareRoot())
    let exact = AnalyticGaussian.epsilon(noiseMultiplier: pooled, delta: try Delta(1e-9))
    let epsilon = try sampled(30, 1, stepCount).epsilon(at: Delta(1e-9))
    #expect(epsilon >= exact && epsilon <= exact * (1 + 2e-8))
  }

  @Test("huge noise, tiny deltas and large deltas have sound answers")
  func extremes() throws {
    #expect(try sampled(1e9, 0.5, 1000).epsilon(at: Delta(1e-5)) == 0)
    #expect(try sampled(1e6, 0.01, 100).epsilon(at: Delta(1e-12)) < 1e-3)
    #expect(try sampled(1, 0.01, 100).epsilon(at: Delta(0.99)) == 0)
    var last = 0.0
    for exponent in [2, 5, 12, 20, 40, 80] {
      var delta = 1.0
      for _ in 0..<exponent { delta /= 10 }
      let plan = try sampled(1.2, 0.01, 1000)
      let epsilon = plan.epsilon(at: try Delta(delta))
      var accountant = RenyiAccountant()
      accountant.add(
        .sampledGaussian(try NoiseMultiplier(1.2), try SamplingRate(0.01), try StepCount(1000)))
      #expect(epsilon > last && epsilon.isFinite, "delta 1e-\(exponent)")
      #expect(epsilon <= accountant.epsilon(at: try Delta(delta)), "delta 1e-\(exponent)")
      last = epsilon
    }
  }

  @Test("almost everybody is almost the closed form, from below")
  func almostEverybody() throws {
    let almost = try sampled(5, 0.999_999, 10).epsilon(at: Delta(1e-6))
    let everybody = try sampled(5, 1, 10).epsilon(at: Delta(1e-6))
    #expect(almost <= everybody * 1.0001 && almost >= everybody * 0.999)
  }

  @Test("very little noise costs a lot, and still has an answer")
  func littleNoise() throws {
    let epsilon = try sampled(0.05, 0.01, 3).epsilon(at: Delta(1e-6))
    #expect(epsilon > 100 && epsilon < 2000)
    let one = try sampled(0.01, 0.5, 1).epsilon(at: Delta(1e-6))
    #expect(one > 5000 && one < 6000)
  }

  @Test("a plan of several mechanisms costs more than each and less than their sum")
  func mixture() throws {
    let delta = try Delta(1e-6)
    let training = PrivacyPlan.Mechanism.sampledGaussian(
      try NoiseMultiplier(1.2), try SamplingRate(0.01))
    let gaussian = PrivacyPlan.Mechanism.sampledGaussian(try NoiseMultiplier(8), .everybody)
    let laplace = PrivacyPlan.Mechanism.laplace(scale: 10)
    var plan = try PrivacyPlan(training, stepCount: StepCount(500))
    let trainingAlone = plan.epsilon(at: delta)
    try plan.add(gaussian, stepCount: StepCount(2))
    let withGaussian = plan.epsilon(at: delta)
    try plan.add(laplace)
    let all = plan.epsilon(at: delta)
    let gaussianAlone = try PrivacyPlan(gaussian, stepCount: StepCount(2)).epsilon(at: delta)
    #expect(trainingAlone < withGaussian && withGaussian < all)
    #expect(withGaussian < trainingAlone + gaussianAlone && all < withGaussian + 0.1)
  }

  @Test("steps of one kind add up, however they are added")
  func addition() throws {
    let step = PrivacyPlan.Mechanism.pure(try Epsilon(0.1))
    var plan = try PrivacyPlan(step, stepCount: StepCount(3))
    try plan.add(step, stepCount: StepCount(4))
    #expect(plan == (try PrivacyPlan(step, stepCount: StepCount(7))))
    // Basic composition at a negligible delta, advanced composition at a large one.
    #expect(abs(plan.epsilon(at: try Delta(1e-30)) - 0.7) < 1e-6)
    #expect(plan.epsilon(at: try Delta(1e-2)) < 0.65)
    #expect(throws: DifferentialPrivacyError.invalidStepCount(100_000_001)) {
      try plan.add(step, stepCount: StepCount(99_999_994))
    }
  }

  @Test("mechanisms with scales or sensitivities out of range are refused")
  func refusals() throws {
    for scale in [0, -1, .nan, .infinity] {
      #expect(throws: DifferentialPrivacyError.self) {
        try PrivacyPlan(.laplace(scale: scale), stepCount: .one)
      }
    }
    #expect(throws: DifferentialPrivacyError.invalidContributionLimit(0)) {
      try PrivacyPlan(
        .discreteGaussian(DiscreteGaussian(sigma: 1), sensitivity: 0), stepCount: .one)
    }
  }

  @Test("calibrated noise stays within its target, and the reference needs no less")
  func calibration() throws {
    for row in try ReferenceTable("calibrate_sigma_reference.csv").rows {
      guard let rate = row.number("q"), let stepCount = row.number("T"),
        let epsilon = row.number("target_eps"), let delta = row.number("delta"),
        let theirs = row.number("sigma_dpacc_pld")
      else { continue }
      let target = try PrivacyParameters(epsilon: epsilon, delta: delta)
      let multiplier = try PrivacyPlan.noiseMultiplier(
        for: target, samplingRate: SamplingRate(rate), stepCount: StepCount(Int(stepCount)))
      // Theirs ends up to half a per cent below its target.
      #expect(multiplier.value <= theirs * (1 + 1e-4) && multiplier.value >= theirs * 0.995)
      let plan = try sampled(multiplier.value, rate, Int(stepCount))
      #expect(plan.epsilon(at: target.delta) <= epsilon)
    }
    let target = try PrivacyParameters(epsilon: 1, delta: 1e-6)
    let free = try PrivacyPlan.noiseMultiplier(
      for: target, samplingRate: SamplingRate(0), stepCount: StepCount(10))
    #expect(free.value == NoiseMultiplier.range.lowerBound)
  }

  private func plan(named name: String) throws -> PrivacyPlan? {
    let pieces = name.split(whereSeparator: { "()".contains($0) })
    guard pieces.count == 3, let value = Double(pieces[1]), let count = Int(pieces[2].dropFirst())
    else { return nil }
    let stepCount = try StepCount(count)
    switch pieces[0] {
    case "gaussian":
      return try PrivacyPlan(
        .sampledGaussian(NoiseMultiplier(value), .everybody), stepCount: stepCount)
    case "laplace": return try PrivacyPlan(.laplace(scale: value), stepCount: stepCount)
    case "discrete_gaussian":
      return try PrivacyPlan(
        .discreteGaussian(DiscreteGaussian(sigma: value), sensitivity: 1), stepCount: stepCount)
    case "discrete_laplace":
      return try PrivacyPlan(
        .discreteLaplace(DiscreteLaplace(scale: 1 / value), sensitivity: 1), stepCount: stepCount)
    default: return nil
    }
  }
}
