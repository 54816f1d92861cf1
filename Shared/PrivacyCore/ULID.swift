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
    var text = String(text)
    guard text.withUTF8({ Self.isText($0[...]) }) else { return nil }
    description = text
  }

  private static let isInAlphabet: [Bool] = {
    var table = [Bool](repeating: false, count: 256)
    for character in alphabet { table[Int(character)] = true }
    return table
  }()

  /// Whether these are the 26 characters of a ULID, which is below 2^128.
  fileprivate static func isText(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    guard text.count == 26, let first = text.first, first <= UInt8(ascii: "7") else { return false }
    let isInAlphabet = isInAlphabet
    return text.allSatisfy { isInAlphabet[Int($0)] }
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

  /// The id with this text, or `nil`.
  public init?(text: some StringProtocol) { self.init(text: String(text)) }

  /// The same for a `String`: what reading a file of receipts does for each of them.
  public init?(text: String) {
    var text = text
    let isID = text.withUTF8 { bytes in
      bytes.count == 28 && bytes[0] == UInt8(ascii: "c") && bytes[1] == UInt8(ascii: "_")
        && ULID.isText(bytes[2...])
    }
    guard isID else { return nil }
    description = text
  }

  public static func < (left: Self, right: Self) -> Bool { left.description < right.description }
}
