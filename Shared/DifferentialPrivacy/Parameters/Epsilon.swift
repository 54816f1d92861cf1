/// A bound on the privacy loss: finite and above 0.
public struct Epsilon: Hashable, Sendable, Comparable {
  /// The bound, in nats.
  public let value: Double

  /// Refuses 0, negative, NaN and infinite values.
  public init(_ value: Double) throws(DifferentialPrivacyError) {
    guard value.isFinite, value > 0 else { throw .invalidEpsilon(value) }
    self.value = value
  }

  public static func < (left: Epsilon, right: Epsilon) -> Bool { left.value < right.value }
}
