/// How the noise of a release was made.
public enum PrivacyMechanism: String, Hashable, Sendable, CaseIterable {
  case discreteGaussian = "discrete_gaussian"
  case thresholdedDiscreteGaussian = "thresholded_discrete_gaussian"
  case discreteLaplace = "discrete_laplace"
  case exponential = "exponential"
}

/// A noisy answer with the record of what was done to it. Only mechanisms make one; whatever is
/// computed from `value` alone stays as private as it is.
public struct NoisyRelease<Value> {
  /// The answer.
  public let value: Value
  /// How its noise was made.
  public let mechanism: PrivacyMechanism
  /// The standard deviation (Gaussian) or scale (Laplace) of the noise on each number of the
  /// answer, in the answer's units; 0 for the exponential mechanism, which adds none.
  public let noiseScale: Double
  /// How far one person can move the statistic: L2 norm for Gaussian, L1 for Laplace noise.
  public let sensitivity: Double
  /// What to charge for it.
  public let charge: PrivacyCharge
  /// The epsilon of this release alone, at `delta`.
  public let epsilon: Double
  /// The failure probability of this release alone; 0 for a pure guarantee.
  public let delta: Double

  /// The same release with its answer processed further, which costs nothing.
  public func map<Other>(_ transform: (Value) -> Other) -> NoisyRelease<Other> {
    NoisyRelease<Other>(
      value: transform(value), mechanism: mechanism, noiseScale: noiseScale,
      sensitivity: sensitivity, charge: charge, epsilon: epsilon, delta: delta)
  }
}

extension NoisyRelease: Sendable where Value: Sendable {}
extension NoisyRelease: Equatable where Value: Equatable {}

extension NoisyRelease where Value == [Int] {
  /// The indices of the `count` greatest noisy totals, greatest first, ties by lower index.
  public func topIndices(_ count: Int) -> [Int] {
    let ranked = value.indices.sorted { left, right in
      value[left] != value[right] ? value[left] > value[right] : left < right
    }
    return Array(ranked.prefix(max(0, count)))
  }
}
