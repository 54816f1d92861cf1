internal import PrivacyCore

/// Reads one JSON text (RFC 8259) value by value, strictly, without a tree in between.
struct JSONCursor {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// What is wrong, here.
  func fault(_ reason: FormatFault.Reason) -> FormatFault {
    FormatFault(reason, column: position - bytes.startIndex + 1)
  }

  /// The text is not JSON here.
  func fault(_ what: String) -> FormatFault { fault(.malformedJSON(what)) }

  /// Takes `character` if it comes next, after white space.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.endIndex, bytes[position] == UInt8(ascii: character) else {
      return false
    }
    position += 1
    return true
  }

  /// Takes `character`, which must come next.
  mutating func expect(_ character: Unicode.Scalar) throws(FormatFault) {
    guard take(character) else { throw fault("expected \(character)") }
  }

  /// Refuses anything but white space until the end.
  mutating func expectEnd() throws(FormatFault) {
    skipSpace()
    guard position == bytes.endIndex else { throw fault("something follows the value") }
  }

  /// A string.
  mutating func string() throws(FormatFault) -> String {
    try expect("\"")
    let start = position
    var seen: UInt8 = 0
    while position < bytes.endIndex {
      let character = bytes[position]
      switch character {
      case UInt8(ascii: "\""):
        position += 1
        let content = bytes[start..<position - 1]
        // ASCII needs no looking at again.
        return seen < 0x80 ? String(decoding: content, as: UTF8.self) : try text(content)
      case UInt8(ascii: "\\"): return try stringWithEscapes(from: start)
      case 0..<0x20: throw fault("a control character in a string")
      default:
        seen |= character
        position += 1
      }
    }
    throw fault("a string does not end")
  }

  /// Strings between brackets.
  mutating func strings(_ field: String) throws(FormatFault) -> [String] {
    var strings: [String] = []
    try array { cursor throws(FormatFault) in
      guard strings.count < ReceiptLimits.elementCountMax else {
        throw cursor.fault(.tooManyElements(field, countMax: ReceiptLimits.elementCountMax))
      }
      strings.append(try cursor.string())
    }
    return strings
  }

  /// The digits of a whole number; what comes after them is the caller's to look at.
  mutating func digits() throws(FormatFault) -> String {
    skipSpace()
    let start = position
    while position < bytes.endIndex, isDigit(bytes[position]) { position += 1 }
    guard position > start else { throw fault("expected a whole number") }
    if position < bytes.endIndex,
      [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[position])
    {
      throw fault("expected a whole number")
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  /// An array, element by element; `read` must take the element.
  mutating func array(
    _ read: (inout JSONCursor) throws(FormatFault) -> Void
  ) throws(FormatFault) {
    try expect("[")
    if take("]") { return }
    repeat { try read(&self) } while take(",")
    try expect("]")
  }

  /// An object, member by member; `read` must take the member's value. No name may come twice.
  mutating func object(
    _ read: (String, inout JSONCursor) throws(FormatFault) -> Void
  ) throws(FormatFault) {
    try expect("{")
    if take("}") { return }
    var names: [String] = []
    repeat {
      let name = try string()
      guard !names.contains(name) else {
        throw fault(
          NameRule.accepts(name)
            ? .repeatedField(name) : .malformedJSON("a field stands there twice"))
      }
      // Every name that `read` lets pass is one of a fixed few, so this stays short.
      names.append(name)
      try expect(":")
      try read(name, &self)
    } while take(",")
    try expect("}")
  }

  /// Refuses a field that the format does not have. Only a plain name is repeated.
  func unknown(_ name: String) -> FormatFault {
    fault(.unknownField(NameRule.accepts(name) ? name : nil))
  }

  private mutating func skipSpace() {
    while position < bytes.endIndex {
      switch bytes[position] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\n"):
        position += 1
      default: return
      }
    }
  }

  private func isDigit(_ character: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character)
  }

  private func text(_ bytes: some Sequence<UInt8>) throws(FormatFault) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else { throw fault(.notUTF8) }
    return text
  }
}

// MARK: - Escapes

extension JSONCursor {
  private mutating func stringWithEscapes(from start: Int) throws(FormatFault) -> String {
    var content = Array(bytes[start..<position])
    while position < bytes.endIndex {
      let character = bytes[position]
      switch character {
      case UInt8(ascii: "\""):
        position += 1
        return try text(content)
      case UInt8(ascii: "\\"):
        position += 1
        try appendEscape(to: &content)
      case 0..<0x20: throw fault("a control character in a string")
      default:
        content.append(character)
        position += 1
      }
    }
    throw fault("a string does not end")
  }

  private mutating func appendEscape(to content: inout [UInt8]) throws(FormatFault) {
    guard position < bytes.endIndex else { throw fault("a string does not end") }
    let character = bytes[position]
    position += 1
    switch character {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(character)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"): content.append(contentsOf: try escapedScalar().utf8)
    default: throw fault("an unknown escape in a string")
    }
  }

  /// The scalar of `\uXXXX`, or of two of them that make a surrogate pair.
  private mutating func escapedScalar() throws(FormatFault) -> String {
    var code = try fourHexDigits()
    if 0xD800..<0xDC00 ~= code {
      guard bytes.endIndex - position >= 2, bytes[position] == UInt8(ascii: "\\"),
        bytes[position + 1] == UInt8(ascii: "u")
      else { throw fault("half a surrogate pair") }
      position += 2
      let low = try fourHexDigits()
      guard 0xDC00..<0xE000 ~= low else { throw fault("half a surrogate pair") }
      code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
    }
    guard let scalar = Unicode.Scalar(code) else { throw fault("half a surrogate pair") }
    return String(Character(scalar))
  }

  private mutating func fourHexDigits() throws(FormatFault) -> UInt32 {
    guard bytes.endIndex - position >= 4,
      let text = String(validating: bytes[position..<position + 4], as: UTF8.self),
      let pair = Hexadecimal.decode(text)
    else { throw fault("an escape without four hexadecimal digits") }
    position += 4
    return UInt32(pair[0]) << 8 | UInt32(pair[1])
  }
}
