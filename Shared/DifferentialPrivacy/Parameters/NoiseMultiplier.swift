/// The standard deviation of Gaussian noise divided by the L2 sensitivity.
public struct NoiseMultiplier: Hashable, Sendable, Comparable {
  /// Less noise than the lower end protects nobody (epsilon in the thousands).
  public static let range: ClosedRange<Double> = 0.01...1e9

  /// Standard deviation over sensitivity.
  public let value: Double

  /// Refuses what lies outside `range`, and NaN.
  public init(_ value: Double) throws(DifferentialPrivacyError) {
    guard Self.range.contains(value) else { throw .invalidNoiseMultiplier(value) }
    self.value = value
  }

  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}
