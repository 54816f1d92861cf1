/// A position in a service's journal: 1 for the first change, 0 before it. Never reused.
public struct LogSequenceNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The position.
  public let value: UInt64

  /// The position `value`.
  public init(_ value: UInt64) { self.value = value }

  /// Before the first change.
  public static let zero = LogSequenceNumber(0)

  /// The position after this one.
  public var next: LogSequenceNumber { LogSequenceNumber(value + 1) }

  public static func < (left: Self, right: Self) -> Bool { left.value < right.value }

  public var description: String { String(value) }
}
