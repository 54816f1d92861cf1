/// Names the key that sealed a value. It stands in the clear in front of every sealed value, so
/// that a rotation needs no change of format.
public struct KeyID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The number; for a service's keys the version of its key-encryption key.
  public let rawValue: UInt32

  /// The key with this number.
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  public var description: String { String(rawValue) }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
