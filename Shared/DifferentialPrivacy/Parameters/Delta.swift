/// The probability with which the bound on the privacy loss may fail: strictly between 0 and 1.
public struct Delta: Hashable, Sendable, Comparable {
  /// The probability.
  public let value: Double

  /// Refuses 0, 1, everything outside them and NaN.
  public init(_ value: Double) throws(DifferentialPrivacyError) {
    guard value > 0, value < 1 else { throw .invalidDelta(value) }
    self.value = value
  }

  public static func < (left: Delta, right: Delta) -> Bool { left.value < right.value }
}
