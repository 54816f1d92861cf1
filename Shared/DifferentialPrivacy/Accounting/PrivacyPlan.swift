internal import Glibc

/// A sequence of mechanisms declared up front, and its tight (epsilon, delta).
///
/// For one person added or removed; where both directions differ the larger epsilon counts.
/// Answers err above the truth, by about 5 parts in 10^5, also at a delta of 1e-12; up to 2 parts
/// in 100 where a million steps each sample a person in a million. A few milliseconds a call.
/// A plan may not depend on its own outputs: for that use `RenyiFilter`.
public struct PrivacyPlan: Hashable, Sendable {
  /// One kind of step.
  public enum Mechanism: Hashable, Sendable {
    /// Continuous Gaussian noise over a fresh Poisson sample; at rate 1, over everybody.
    case sampledGaussian(NoiseMultiplier, SamplingRate)
    /// Continuous Laplace noise; the scale is in units of the sensitivity.
    case laplace(scale: Double)
    /// Discrete Gaussian noise on one integer of the given sensitivity.
    case discreteGaussian(DiscreteGaussian, sensitivity: Int)
    /// Discrete Laplace noise on one integer of the given sensitivity.
    case discreteLaplace(DiscreteLaplace, sensitivity: Int)
    /// Anything of which only its pure epsilon is known.
    case pure(Epsilon)
  }

  /// Keeps closed forms on the safe side of other programs' rounding too.
  private static let closedFormMargin = 1 + 1e-8

  private var steps: [Step] = []

  private struct Step: Hashable {
    let mechanism: Mechanism
    var count: Int
  }

  /// No step: epsilon 0.
  public init() {}

  /// So many steps of one kind and no other.
  public init(_ mechanism: Mechanism, stepCount: StepCount) throws(DifferentialPrivacyError) {
    try add(mechanism, stepCount: stepCount)
  }

  /// Adds so many steps of one kind.
  public mutating func add(
    _ mechanism: Mechanism, stepCount: StepCount = .one
  ) throws(DifferentialPrivacyError) {
    switch mechanism {
    case .laplace(let scale):
      guard scale.isFinite, NoiseMultiplier.range.contains(scale) else {
        throw .invalidNoiseScale(scale)
      }
    case .discreteGaussian(_, let sensitivity), .discreteLaplace(_, let sensitivity):
      guard (1...1_000_000).contains(sensitivity) else {
        throw .invalidContributionLimit(sensitivity)
      }
    case .sampledGaussian, .pure: break
    }
    if let index = steps.firstIndex(where: { $0.mechanism == mechanism }) {
      steps[index].count = try StepCount(steps[index].count + stepCount.value).value
    } else {
      steps.append(Step(mechanism: mechanism, count: stepCount.value))
    }
  }

  /// The smallest epsilon, 0 or more, for which the plan is (epsilon, delta)-private.
  public func epsilon(at delta: Delta) -> Double {
    let pooled = pooledGaussianPrecision
    let sources = sampledAndOtherSources
    if sources.isEmpty {
      return pooled == 0
        ? 0
        : AnalyticGaussian.epsilon(sigma: 1 / pooled.squareRoot(), delta: delta.value)
          * Self.closedFormMargin
    }
    if pooled == 0, sources.count == 1, sources[0].stepCount == 1,
      let exact = exactEpsilonOfOneStep(sources[0].source, delta: delta.value)
    {
      return exact * Self.closedFormMargin
    }
    var parts = sources
    if pooled > 0 { parts.append((GaussianLoss(sigma: 1 / pooled.squareRoot()), 1)) }
    let removal = LossComposition(parts: parts, direction: .removal).epsilon(delta: delta.value)
    if parts.allSatisfy({ $0.source.isSymmetric }) { return removal }
    return LossComposition(parts: parts, direction: .addition).epsilon(
      delta: delta.value, floor: removal)
  }

  /// Gaussian steps over everybody are together one Gaussian step: 1 / sigma^2 adds up.
  private var pooledGaussianPrecision: Double {
    steps.reduce(0) { sum, step in
      guard case .sampledGaussian(let multiplier, let rate) = step.mechanism, rate.value == 1
      else { return sum }
      return sum + Double(step.count) / (multiplier.value * multiplier.value)
    }
  }

  private var sampledAndOtherSources: [(source: any LossSource, stepCount: Double)] {
    steps.compactMap { step in
      guard step.count > 0 else { return nil }
      let source: any LossSource
      switch step.mechanism {
      case .sampledGaussian(let multiplier, let rate):
        if rate.value == 0 || rate.value == 1 { return nil }
        source = SampledGaussianLoss(sigma: multiplier.value, rate: rate.value)
      case .laplace(let scale): source = LaplaceLoss(scale: scale)
      case .discreteGaussian(let noise, let sensitivity):
        source = DiscreteGaussianLoss(sigma: noise.sigma, sensitivity: sensitivity)
      case .discreteLaplace(let noise, let sensitivity):
        source = DiscreteLaplaceLoss(scale: noise.scale, sensitivity: sensitivity)
      case .pure(let epsilon): source = PureLoss(epsilon: epsilon.value)
      }
      return (source, Double(step.count))
    }
  }
}
