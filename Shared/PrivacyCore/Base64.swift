/// Base64 with padding (RFC 4648, section 4): the form of hashes and signatures in checkpoints.
public enum Base64 {
  /// The text of `bytes`: 4 characters for each 3 bytes or part of them.
  public static func encode(_ bytes: some Collection<UInt8>) -> String {
    var text = Base64URL.encode(bytes).utf8.map { character in
      switch character {
      case UInt8(ascii: "-"): UInt8(ascii: "+")
      case UInt8(ascii: "_"): UInt8(ascii: "/")
      default: character
      }
    }
    while !text.count.isMultiple(of: 4) { text.append(UInt8(ascii: "=")) }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of `text`, or `nil` for a character outside the alphabet, wrong padding or non-zero
  /// bits after the last byte: each value has exactly one text.
  public static func decode(_ text: some StringProtocol) -> [UInt8]? {
    guard text.utf8.count.isMultiple(of: 4) else { return nil }
    var digits: [UInt8] = []
    digits.reserveCapacity(text.utf8.count)
    var paddingCount = 0
    for character in text.utf8 {
      if character == UInt8(ascii: "=") {
        paddingCount += 1
        continue
      }
      // Padding stands at the end only.
      guard paddingCount == 0 else { return nil }
      switch character {
      case UInt8(ascii: "+"): digits.append(UInt8(ascii: "-"))
      case UInt8(ascii: "/"): digits.append(UInt8(ascii: "_"))
      case UInt8(ascii: "-"), UInt8(ascii: "_"): return nil
      default: digits.append(character)
      }
    }
    guard paddingCount <= 2 else { return nil }
    return Base64URL.decode(String(decoding: digits, as: UTF8.self))
  }
}
