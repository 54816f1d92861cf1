internal import DifferentialPrivacy
package import PrivacyCore

/// Totals over people without noise. They cannot be read: the only way out is `release`, which
/// consumes them and a reservation of the budget.
package struct ExactTotals: ~Copyable, Sendable {
  private let plan: ReleasePlan
  private var totals: [[Int]]

  /// Nobody yet, for the releases of `plan`.
  package init(for plan: ReleasePlan) {
    self.plan = plan
    totals = plan.releases.map { Array(repeating: 0, count: $0.dimension) }
  }

  /// The lattice norm that vectors for a part of the plan must have.
  package func latticeNorm(ofPart part: Int) -> Int { plan.releases[part].latticeNorm }

  /// Adds one person's vector to a part of the plan. The caller sees to it that each person comes
  /// once.
  package mutating func add(_ vector: LatticeVector, toPart part: Int) {
    precondition(
      vector.latticeNorm == plan.releases[part].latticeNorm, "the vector is of another lattice")
    for (index, units) in zip(vector.indices, vector.units) {
      // At most 2^17 a person: it takes 2^46 people to overflow.
      totals[part][index] += units
    }
  }

  /// The totals with exact discrete Gaussian noise on each; from here on the charge is spent.
  ///
  /// - Throws: `wrongReservation` when the reservation is for other releases; nothing was drawn,
  ///   but the reservation is gone and stays counted.
  package consuming func release(
    _ reservation: consuming BudgetReservation, random: any RandomSource
  ) throws -> NoisyTotals {
    guard reservation.plan == plan else { throw TrainerError.wrongReservation }
    var sampler = NoiseSampler(random: random)
    var noisy = totals
    for (part, release) in plan.releases.enumerated() {
      let noise = try DiscreteGaussian(sigma: release.sigma)
      for index in noisy[part].indices { noisy[part][index] += sampler.sample(noise) }
    }
    return NoisyTotals(plan: plan, totals: noisy, charge: reservation.charge)
  }
}

/// Totals with noise: whatever is made of them costs nothing more.
package struct NoisyTotals: Sendable {
  /// The releases they come from.
  package let plan: ReleasePlan
  /// The totals of each release in lattice units.
  package let totals: [[Int]]
  /// The charge that paid for them.
  package let charge: ChargeID

  /// The totals of a part as numbers of people, for people who counted with the whole lattice norm.
  package func counts(ofPart part: Int) -> [Int64] {
    let latticeNorm = Double(plan.releases[part].latticeNorm)
    return totals[part].map { Int64((Double($0) / latticeNorm).rounded()) }
  }

  /// The totals of a part in standard deviations of their noise, negative ones as 0.
  package func signals(ofPart part: Int) -> [Double] {
    let sigma = plan.releases[part].sigma
    return totals[part].map { max(0, Double($0)) / sigma }
  }
}
