/// What one release or one training run costs: the value a ledger stores and an accountant adds.
///
/// Neighbouring data sets differ by one person, added or removed with everything of theirs.
public enum PrivacyCharge: Hashable, Sendable {
  /// Gaussian noise, continuous or discrete, with sigma = multiplier times the L2 sensitivity.
  case gaussian(NoiseMultiplier)
  /// So many Gaussian steps, each over a fresh Poisson sample of the people; the noise continuous
  /// or on a lattice far finer than sigma.
  case sampledGaussian(NoiseMultiplier, SamplingRate, StepCount)
  /// A mechanism of which only its pure epsilon is known (Laplace, exponential mechanism).
  case pure(Epsilon)
  /// Gaussian noise, then a threshold that reveals a key of a single person with probability
  /// delta at most.
  case thresholdedGaussian(NoiseMultiplier, Delta)

  /// The probability of failure that comes on top of the Rényi loss.
  public var additionalDelta: Double {
    if case .thresholdedGaussian(_, let delta) = self { delta.value } else { 0 }
  }

  /// An upper bound on the Rényi divergence of the given order (above 1) between the outputs on
  /// neighbouring data sets, in nats; infinity when it exceeds a `Double`.
  ///
  /// Costs nanoseconds, and for sampled charges as many exponentials as the order has units.
  public func renyiDivergence(order: Double) -> Double {
    switch self {
    case .gaussian(let multiplier), .thresholdedGaussian(let multiplier, _):
      gaussianRenyiDivergence(order: order, noiseMultiplier: multiplier.value)
    case .sampledGaussian(let multiplier, let rate, let stepCount):
      stepCount.value == 0
        ? 0
        : Double(stepCount.value)
          * sampledGaussianRenyiDivergence(
            order: order, noiseMultiplier: multiplier.value, samplingRate: rate.value)
    case .pure(let epsilon):
      pureRenyiDivergence(order: order, epsilon: epsilon.value)
    }
  }
}
