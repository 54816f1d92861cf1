/// Reads one JSON text (RFC 8259) value by value, strictly and without a tree in between: a file
/// of receipts is read at the speed of its store.
struct JSONReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  /// What is wrong, where, without a word of the text itself.
  func fault(_ what: String) -> ReceiptRefusal {
    .malformedJSON("\(what), at column \(position + 1)")
  }

  /// Takes `character` if it comes next, after white space.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  /// Takes `character`, which must come next.
  mutating func expect(_ character: Unicode.Scalar) throws(ReceiptRefusal) {
    guard take(character) else { throw fault("expected \(character)") }
  }

  /// Refuses anything but white space until the end.
  mutating func expectEnd() throws(ReceiptRefusal) {
    skipSpace()
    guard position == bytes.count else { throw fault("something follows the receipt") }
  }

  /// A string.
  mutating func string() throws(ReceiptRefusal) -> String {
    try expect("\"")
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        position += 1
        return String(decoding: bytes[start..<position - 1], as: UTF8.self)
      case UInt8(ascii: "\\"): return try stringWithEscapes(from: start)
      case 0..<0x20: throw fault("a control character in a string")
      default: position += 1
      }
    }
    throw fault("a string does not end")
  }

  /// Strings between brackets.
  mutating func strings(countMax: Int) throws(ReceiptRefusal) -> [String] {
    try expect("[")
    if take("]") { return [] }
    var strings: [String] = []
    repeat {
      guard strings.count < countMax else { throw fault("more than \(countMax) elements") }
      strings.append(try string())
    } while take(",")
    try expect("]")
    return strings
  }

  /// A whole number in 0...UInt32.max.
  mutating func unsignedInteger() throws(ReceiptRefusal) -> UInt32 {
    skipSpace()
    let start = position
    var value: UInt64 = 0
    while position < bytes.count, let digit = Self.digit(bytes[position]) {
      value = value * 10 + UInt64(digit)
      guard value <= UInt64(UInt32.max) else { throw fault("the number is too large") }
      position += 1
    }
    guard position > start else { throw fault("expected a whole number") }
    guard bytes[start] != UInt8(ascii: "0") || position == start + 1 else {
      throw fault("a number begins with 0")
    }
    if position < bytes.count,
      [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[position])
    {
      throw fault("expected a whole number")
    }
    return UInt32(value)
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
        position += 1
      default: return
      }
    }
  }

  private static func digit(_ character: UInt8) -> UInt8? {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character)
      ? character - UInt8(ascii: "0") : nil
  }
}

// MARK: - Escapes

extension JSONReader {
  private mutating func stringWithEscapes(from start: Int) throws(ReceiptRefusal) -> String {
    var text = Array(bytes[start..<position])
    while position < bytes.count {
      let character = bytes[position]
      position += 1
      switch character {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): try appendEscape(to: &text)
      case 0..<0x20: throw fault("a control character in a string")
      default: text.append(character)
      }
    }
    throw fault("a string does not end")
  }

  private mutating func appendEscape(to text: inout [UInt8]) throws(ReceiptRefusal) {
    guard position < bytes.count else { throw fault("a string does not end") }
    let character = bytes[position]
    position += 1
    switch character {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(character)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text.append(contentsOf: Array(String(try unicodeEscape()).utf8))
    default: throw fault("an unknown escape in a string")
    }
  }

  /// The scalar of `\uXXXX`, or of two of them that make a surrogate pair.
  private mutating func unicodeEscape() throws(ReceiptRefusal) -> Character {
    var code = try fourHexDigits()
    if 0xD800..<0xDC00 ~= code {
      guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
        bytes[position + 1] == UInt8(ascii: "u")
      else { throw fault("half a surrogate pair") }
      position += 2
      let low = try fourHexDigits()
      guard 0xDC00..<0xE000 ~= low else { throw fault("half a surrogate pair") }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw fault("half a surrogate pair") }
    return Character(scalar)
  }

  private mutating func fourHexDigits() throws(ReceiptRefusal) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard position < bytes.count,
        let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue
      else { throw fault("an escape without four hexadecimal digits") }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }
}
