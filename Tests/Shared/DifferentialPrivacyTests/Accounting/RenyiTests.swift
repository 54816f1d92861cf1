import DifferentialPrivacy
import Testing

private func charge(_ sigma: Double, _ rate: Double, _ stepCount: Int) throws -> PrivacyCharge {
  .sampledGaussian(
    try NoiseMultiplier(sigma), try SamplingRate(rate), try StepCount(stepCount))
}

@Suite("The Rényi accountant")
struct RenyiAccountantTests {
  @Test("epsilon is never below the truth and close to what public Rényi accountants say")
  func reference() throws {
    let table = try ReferenceTable("epsilon_reference.csv")
    for row in table.rows {
      guard let rate = row.number("q"), let sigma = row.number("sigma"),
        let stepCount = row.number("T"), let delta = row.number("delta")
      else { continue }
      var accountant = RenyiAccountant()
      accountant.add(try charge(sigma, rate, Int(stepCount)))
      let epsilon = accountant.epsilon(at: try Delta(delta))
      if let truth = row.number("reference_eps") {
        #expect(epsilon >= truth - (row.number("reference_err") ?? 0), "\(row)")
      }
      if let theirs = row.number("rdp_dpacc") { #expect(epsilon <= theirs * 1.01, "\(row)") }
    }
  }

  @Test("fractional orders lie between their whole neighbours", arguments: [0.001, 0.1, 0.7])
  func fractionalOrders(rate: Double) throws {
    for sigma in [0.3, 0.8, 2, 50] {
      let charge = try charge(sigma, rate, 1)
      var last = 0.0
      for order in [1.05, 1.5, 2, 2.25, 2.75, 3, 3.5, 4, 4.5, 5] {
        let divergence = charge.renyiDivergence(order: order)
        #expect(divergence >= last, "sigma \(sigma), order \(order)")
        last = divergence
      }
    }
  }

  @Test("sampling everybody is the plain Gaussian, sampling nobody or no step is free")
  func edges() throws {
    let plain = PrivacyCharge.gaussian(try NoiseMultiplier(2))
    for order in RenyiAccountant.orders {
      #expect(
        try charge(2, 1, 1).renyiDivergence(order: order) == plain.renyiDivergence(order: order))
      #expect(try charge(2, 0, 1000).renyiDivergence(order: order) == 0)
      #expect(try charge(0.01, 0.5, 0).renyiDivergence(order: order) == 0)
    }
    var accountant = RenyiAccountant()
    #expect(accountant.epsilon(at: try Delta(1e-12)) == 0)
    accountant.add(try charge(2, 0, 1000))
    #expect(accountant.epsilon(at: try Delta(1e-12)) == 0)
    accountant.add(.gaussian(try NoiseMultiplier(1e9)))
    #expect(accountant.epsilon(at: try Delta(1e-5)) < 0.02)
  }

  @Test("tiny noise gives a large finite loss, never a small or undefined one")
  func tinyNoise() throws {
    for rate in [1e-9, 0.01, 0.999] {
      for order in RenyiAccountant.orders {
        let divergence = try charge(0.01, rate, 1).renyiDivergence(order: order)
        // Orders below 2 fall back on 2 here.
        let limit = max(2, order.rounded(.up)) * 5000 * 1.000001
        #expect(divergence > 0 && divergence <= limit)
      }
    }
  }

  @Test("a pure charge never exceeds its epsilon and approaches it with the order")
  func pure() throws {
    for epsilon in [0.001, 1, 40, 1000] {
      let charge = PrivacyCharge.pure(try Epsilon(epsilon))
      var last = 0.0
      for order in RenyiAccountant.orders {
        let divergence = charge.renyiDivergence(order: order)
        #expect(divergence >= last * (1 - 1e-9) && divergence <= epsilon)
        last = divergence
      }
    }
  }

  @Test("an additional delta is taken off the delta asked for")
  func additionalDelta() throws {
    var accountant = RenyiAccountant()
    accountant.add(.thresholdedGaussian(try NoiseMultiplier(5), try Delta(1e-6)))
    #expect(accountant.additionalDelta == 1e-6)
    #expect(accountant.epsilon(at: try Delta(1e-6)) == .infinity)
    var plain = RenyiAccountant()
    plain.add(.gaussian(try NoiseMultiplier(5)))
    #expect(accountant.epsilon(at: try Delta(2e-6)) >= plain.epsilon(at: try Delta(1e-6)) - 1e-9)
  }
}

@Suite("The Rényi filter")
struct RenyiFilterTests {
  @Test("charges are admitted up to the budget and refused after it, without a trace")
  func stopsHard() throws {
    var filter = RenyiFilter(budget: try PrivacyParameters(epsilon: 1.5, delta: 1e-6))
    let charge = PrivacyCharge.gaussian(try NoiseMultiplier(40))
    while filter.admits(charge) { try filter.admit(charge) }
    let full = filter
    #expect(throws: DifferentialPrivacyError.budgetExceeded) { try filter.admit(charge) }
    #expect(filter == full)
    #expect(filter.epsilonSpent <= 1.5 && filter.epsilonSpent > 1.4)
    #expect(filter.fractionSpent <= 1 && filter.fractionSpent > 0.95)
    // What was admitted is truly within the budget, and uses most of it.
    let pooled = try NoiseMultiplier(40 / Double(filter.admittedCount).squareRoot())
    let exact = AnalyticGaussian.epsilon(noiseMultiplier: pooled, delta: try Delta(1e-6))
    #expect(exact <= 1.5 && exact > 1.25)
  }

  @Test("a first charge that exceeds the budget is refused")
  func refusesAtOnce() throws {
    var filter = RenyiFilter(budget: try PrivacyParameters(epsilon: 1, delta: 1e-6))
    #expect(filter.epsilonSpent == 0 && filter.fractionSpent == 0)
    for charge in [
      PrivacyCharge.gaussian(try NoiseMultiplier(0.5)), .pure(try Epsilon(2)),
      try charge(0.01, 0.5, 100_000_000),
    ] {
      #expect(!filter.admits(charge))
      #expect(throws: DifferentialPrivacyError.budgetExceeded) { try filter.admit(charge) }
    }
    #expect(filter.admittedCount == 0)
  }

  @Test("a training run that a plan would allow is admitted with a little to spare")
  func training() throws {
    var filter = RenyiFilter(budget: try PrivacyParameters(epsilon: 2, delta: 1e-5))
    // Rényi accountants say 1.55 for this run.
    try filter.admit(charge(1.2, 0.01, 1000))
    #expect(filter.epsilonSpent > 1.2 && filter.epsilonSpent < 2)
  }

  @Test("additional deltas stop at their tenth of the budget's delta")
  func additionalDelta() throws {
    var filter = RenyiFilter(budget: try PrivacyParameters(epsilon: 10, delta: 1e-5))
    let charge = PrivacyCharge.thresholdedGaussian(try NoiseMultiplier(100), try Delta(4e-7))
    try filter.admit(charge)
    try filter.admit(charge)
    #expect(throws: DifferentialPrivacyError.budgetExceeded) { try filter.admit(charge) }
    try filter.admit(.gaussian(try NoiseMultiplier(100)))
  }

  @Test(
    "every budget admits a charge small enough",
    arguments: [0.01, 0.1, 1, 10, 100], [1e-3, 1e-6, 1e-12])
  func smallCharges(epsilon: Double, delta: Double) throws {
    var filter = RenyiFilter(budget: try PrivacyParameters(epsilon: epsilon, delta: delta))
    let multiplier = 3 / epsilon * (-2 * Double.log(delta)).squareRoot() + 1
    try filter.admit(.gaussian(try NoiseMultiplier(multiplier)))
    #expect(filter.epsilonSpent <= epsilon)
  }
}

extension Double {
  fileprivate static func log(_ value: Double) -> Double {
    // Enough for powers of ten.
    var result = 0.0
    var rest = value
    while rest < 0.999 {
      rest *= 10
      result -= 2.302_585_092_994_046
    }
    return result
  }
}
