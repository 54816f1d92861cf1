/// What every name that configuration and requests carry has in common: a lower-case letter, then
/// up to 63 lower-case letters, digits, `_`, `-` or `.`.
public enum NameRule {
  /// The most bytes a name may have.
  public static let byteCountMax = 64

  /// Whether `text` is a name.
  public static func accepts(_ text: some StringProtocol) -> Bool {
    guard let first = text.utf8.first, isLetter(first), text.utf8.count <= byteCountMax else {
      return false
    }
    return text.utf8.dropFirst().allSatisfy { character in
      isLetter(character) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character)
        || character == UInt8(ascii: "_") || character == UInt8(ascii: "-")
        || character == UInt8(ascii: ".")
    }
  }

  private static func isLetter(_ character: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(character)
  }
}

/// A use of personal data that a person can allow: `product_recs`, `analytics`.
public struct Scope: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The name.
  public let description: String

  /// The scope with this name, or `nil` where `NameRule` refuses it.
  public init?(_ name: some StringProtocol) {
    guard NameRule.accepts(name) else { return nil }
    description = String(name)
  }

  public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}
