/// Why a privacy computation refused. Carries parameters only, never data about people.
public enum DifferentialPrivacyError: Error, Hashable, Sendable {
  /// Epsilon must be finite and above 0.
  case invalidEpsilon(Double)
  /// Delta must be above 0 and below 1.
  case invalidDelta(Double)
  /// A noise multiplier must lie in `NoiseMultiplier.range`.
  case invalidNoiseMultiplier(Double)
  /// A sampling rate must lie in 0...1.
  case invalidSamplingRate(Double)
  /// A step count must lie in `StepCount.range`.
  case invalidStepCount(Int)
  /// The scale of integer noise must lie in `NoiseScale.range`.
  case invalidNoiseScale(Double)
  /// A limit on one person's contribution must be above 0 and small enough to add up exactly.
  case invalidContributionLimit(Int)
  /// The bounds of a sum or mean must be finite, ordered and not equal.
  case invalidBounds
  /// A quantile must lie strictly between 0 and 1.
  case invalidQuantile
  /// The declared keys or candidates are empty, repeated or not finite.
  case invalidDomain
  /// A contribution names a dimension outside the declared domain, names one twice, or has a
  /// weight that is not finite.
  case invalidContribution
  /// The exact total does not fit the integers it is summed in.
  case totalOverflow
  /// The charge does not fit what is left of the budget; nothing was admitted.
  case budgetExceeded
  /// No noise multiplier in range reaches the target.
  case targetUnreachable
  /// The plan needs a finer grid than the accountant is willing to allocate.
  case planTooFine
}

extension DifferentialPrivacyError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalidEpsilon(let value): "epsilon must be finite and above 0, not \(value)"
    case .invalidDelta(let value): "delta must be above 0 and below 1, not \(value)"
    case .invalidNoiseMultiplier(let value):
      "the noise multiplier must lie in \(NoiseMultiplier.range), not \(value)"
    case .invalidSamplingRate(let value): "the sampling rate must lie in 0...1, not \(value)"
    case .invalidStepCount(let value):
      "the step count must lie in \(StepCount.range), not \(value)"
    case .invalidNoiseScale(let value):
      "the noise scale must lie in \(NoiseScale.range), not \(value)"
    case .invalidContributionLimit(let value): "no valid contribution limit: \(value)"
    case .invalidBounds: "the bounds must be finite, ordered and different"
    case .invalidQuantile: "a quantile must lie strictly between 0 and 1"
    case .invalidDomain: "the declared keys or candidates are empty, repeated or not finite"
    case .invalidContribution:
      "a contribution is outside the declared domain, repeats a dimension or is not finite"
    case .totalOverflow: "the exact total does not fit a 64-bit integer"
    case .budgetExceeded: "the charge does not fit what is left of the privacy budget"
    case .targetUnreachable: "no noise multiplier in range reaches the target"
    case .planTooFine: "the plan needs a finer grid than the accountant allocates"
    }
  }
}
