/// A value that never prints: descriptions, dumps and interpolations say `<redacted>`.
public struct Redacted<Value: Sendable>: Sendable, CustomStringConvertible,
  CustomDebugStringConvertible, CustomReflectable
{
  /// The value itself. The name is long so that a reviewer can search for every use of it.
  public let unredactedValue: Value

  /// Hides `value` from every description.
  public init(_ value: Value) { unredactedValue = value }

  public var description: String { "<redacted>" }

  public var debugDescription: String { "<redacted>" }

  public var customMirror: Mirror { Mirror(self, children: []) }
}
