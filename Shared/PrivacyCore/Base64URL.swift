/// Base64url without padding (RFC 4648, section 5): the text form of pids.
public enum Base64URL {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// The value of each character; 0xFF for those outside the alphabet.
  static let values: [UInt8] = {
    var table = [UInt8](repeating: 0xFF, count: 256)
    for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
    return table
  }()

  /// The text of `bytes`: 4 characters for 3 bytes, no padding.
  public static func encode(_ bytes: some Collection<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    var accumulator: UInt32 = 0
    var bitCount = 0
    for byte in bytes {
      accumulator = accumulator << 8 | UInt32(byte)
      bitCount += 8
      while bitCount >= 6 {
        bitCount -= 6
        text.append(alphabet[Int(accumulator >> UInt32(bitCount)) & 0x3F])
      }
    }
    if bitCount > 0 { text.append(alphabet[Int(accumulator << UInt32(6 - bitCount)) & 0x3F]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of `text`, or `nil` for a character outside the alphabet, an impossible length or
  /// non-zero bits after the last byte (so that each value has exactly one text).
  public static func decode(_ text: some StringProtocol) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count * 3 / 4)
    var accumulator: UInt32 = 0
    var bitCount = 0
    for character in text.utf8 {
      let value = values[Int(character)]
      guard value != 0xFF else { return nil }
      accumulator = accumulator << 6 | UInt32(value)
      bitCount += 6
      if bitCount >= 8 {
        bitCount -= 8
        bytes.append(UInt8(truncatingIfNeeded: accumulator >> UInt32(bitCount)))
      }
    }
    guard bitCount < 6, accumulator & ((1 << UInt32(bitCount)) - 1) == 0 else { return nil }
    return bytes
  }
}
