package import DifferentialPrivacy

/// One or more releases that are charged together, with noise fitted to what they may cost.
package struct ReleasePlan: Hashable, Sendable {
  /// A release of the plan before its noise is known.
  package struct Part: Hashable, Sendable {
    /// How many totals it has.
    package let dimension: Int
    /// Its share of the precision that the plan's epsilon buys.
    package let share: Double

    package init(dimension: Int, share: Double = 1) {
      self.dimension = dimension
      self.share = share
    }
  }

  /// The releases, in the order of the parts.
  package let releases: [GaussianRelease]
  /// What they come to.
  package let loss: PrivacyLoss
  /// What they cost alone, at the delta they were fitted for.
  package let epsilon: Double

  /// The least noise for which all parts together cost `target` at most. The shares must add up
  /// to 1. Takes about a hundred evaluations of epsilon: a millisecond.
  package init(spending target: PrivacyParameters, on parts: [Part]) throws(TrainerError) {
    precondition(!parts.isEmpty, "a plan releases something")
    let start: NoiseMultiplier
    do {
      start = try AnalyticGaussian.noiseMultiplier(for: target)
    } catch {
      throw .epsilonTooSmall
    }
    func plan(_ multiplier: Double) throws(TrainerError) -> ReleasePlan? {
      let plan = try ReleasePlan(multiplier: multiplier, parts: parts, delta: target.delta)
      return plan.flatMap { $0.epsilon <= target.epsilon.value ? $0 : nil }
    }
    // The multiplier for continuous noise is just too small for a lattice.
    var low = start.value
    var high = low * (1 + 0x1p-40)
    var best = try plan(high)
    while best == nil {
      low = high
      high *= 1.25
      best = try plan(high)
    }
    while high - low > 1e-13 * high {
      let middle = (low + high) / 2
      if middle <= low || middle >= high { break }
      if let better = try plan(middle) {
        best = better
        high = middle
      } else {
        low = middle
      }
    }
    guard let best else { throw .epsilonTooSmall }
    self = best
  }

  private init?(multiplier: Double, parts: [Part], delta: Delta) throws(TrainerError) {
    var releases: [GaussianRelease] = []
    for part in parts {
      releases.append(
        try GaussianRelease(
          dimension: part.dimension, multiplier: multiplier / part.share.squareRoot()))
    }
    guard
      let loss = PrivacyLoss(
        precision: releases.reduce(0) { $0 + $1.precision },
        rounding: releases.reduce(0) { $0 + $1.roundingLoss })
    else { return nil }
    self.releases = releases
    self.loss = loss
    epsilon = loss.epsilon(at: delta)
  }
}
