/// A ULID: 48 bits of milliseconds and 80 random bits, as 26 characters of Crockford's base 32,
/// whose texts sort by time.
public struct ULID: Hashable, Comparable, Sendable, CustomStringConvertible {
  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

  /// The 26 characters.
  public let description: String

  /// A new id dated `time`.
  public init(at time: Timestamp, random: some RandomSource) {
    var bits = UInt64(max(0, time.microseconds / 1_000)) & 0xFFFF_FFFF_FFFF
    var text = [UInt8](repeating: 0, count: 26)
    for index in stride(from: 9, through: 0, by: -1) {
      text[index] = Self.alphabet[Int(bits & 31)]
      bits >>= 5
    }
    for (index, byte) in random.bytes(count: 16).enumerated() {
      text[10 + index] = Self.alphabet[Int(byte & 31)]
    }
    description = String(decoding: text, as: UTF8.self)
  }

  /// The ULID with this text (upper case), or `nil`.
  public init?(text: some StringProtocol) {
    guard text.utf8.count == 26, let first = text.utf8.first, first <= UInt8(ascii: "7"),
      text.utf8.allSatisfy(Self.alphabet.contains)
    else { return nil }
    description = String(text)
  }

  public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}

/// The id of a consent receipt: `c_` and a ULID.
public struct ConsentID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// `c_` and 26 characters.
  public let description: String

  /// A new id dated `time`.
  public init(at time: Timestamp, random: some RandomSource) {
    description = "c_" + ULID(at: time, random: random).description
  }

  /// The same for a `String`, at the speed of one.
  public init?(text: String) { self.init(text: text[...]) }

  /// The id with this text, or `nil`.
  public init?(text: some StringProtocol) {
    guard text.hasPrefix("c_"), ULID(text: text.dropFirst(2)) != nil else { return nil }
    description = String(text)
  }

  public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}
