/// Reads JSON (RFC 8259) to the letter: numbers keep their text, so that 64 bits stay exact, and
/// whatever is wrong has a line and a column.
package struct JSONParser {
  /// The most objects and lists that stand in each other: two for each level of messages.
  package static let nestingDepthMax = 128

  private let bytes: [UInt8]
  private var position = 0

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The one document in `text`.
  package static func parse(
    _ text: [UInt8], limit: Int = DynamicLimits().jsonByteCountMax
  ) throws(DynamicMessageError) -> JSONValue {
    guard text.count <= limit else { throw .tooLong(byteCount: text.count, limit: limit) }
    var parser = JSONParser(text)
    parser.skipSpace()
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == text.count else { throw parser.fault("more than one document") }
    return value
  }

  /// The one document in `text`.
  package static func parse(_ text: String) throws(DynamicMessageError) -> JSONValue {
    try parse(Array(text.utf8))
  }

  /// Whether `text` is a number as JSON writes it.
  static func isNumber(_ text: String) -> Bool {
    var parser = JSONParser(Array(text.utf8))
    return (try? parser.number()) != nil && parser.position == parser.bytes.count
  }

  // MARK: - Values

  private mutating func value(depth: Int) throws(DynamicMessageError) -> JSONValue {
    guard depth <= Self.nestingDepthMax else {
      throw fault("more than \(Self.nestingDepthMax) objects and lists in each other")
    }
    guard let first = peek else { throw fault("it ends where a value belongs") }
    switch first {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  private mutating func object(depth: Int) throws(DynamicMessageError) -> JSONValue {
    position += 1
    var members: [JSONValue.Member] = []
    skipSpace()
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      guard peek == UInt8(ascii: "\"") else { throw fault("a name in quotes belongs here") }
      let name = try string()
      skipSpace()
      guard take(":") else { throw fault("a colon belongs here") }
      skipSpace()
      members.append(JSONValue.Member(name, try value(depth: depth + 1)))
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw fault("a comma or } belongs here") }
    }
  }

  private mutating func array(depth: Int) throws(DynamicMessageError) -> JSONValue {
    position += 1
    var elements: [JSONValue] = []
    skipSpace()
    if take("]") { return .array(elements) }
    while true {
      skipSpace()
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { throw fault("a comma or ] belongs here") }
    }
  }

  private mutating func word(
    _ word: String, _ value: JSONValue
  ) throws(DynamicMessageError) -> JSONValue {
    guard bytes[position...].starts(with: word.utf8) else { throw fault("no such value") }
    position += word.utf8.count
    return value
  }

  private mutating func number() throws(DynamicMessageError) -> String {
    let start = position
    _ = take("-")
    if !take("0") {
      guard takeDigits() else { throw fault("no such value") }
    }
    if take(".") {
      guard takeDigits() else { throw fault("a digit belongs here") }
    }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      guard takeDigits() else { throw fault("a digit belongs here") }
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  // MARK: - Strings

  private mutating func string() throws(DynamicMessageError) -> String {
    position += 1
    var text: [UInt8] = []
    let start = position
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          position = start
          throw fault("the string is not UTF-8")
        }
        position += 1
        return string
      case UInt8(ascii: "\\"):
        position += 1
        text += Array(String(try escaped()).utf8)
      case 0..<0x20: throw fault("a control character in a string")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw fault("it ends within a string")
  }

  private mutating func escaped() throws(DynamicMessageError) -> Character {
    guard let byte = peek else { throw fault("it ends within a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return Character(try scalar())
    default:
      position -= 1
      throw fault("no such escape")
    }
  }

  private mutating func scalar() throws(DynamicMessageError) -> Unicode.Scalar {
    let unit = try codeUnit()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    // The first half of a pair; the second must follow.
    guard (0xD800..<0xDC00).contains(unit), take("\\"), take("u") else {
      throw fault("half of a surrogate pair")
    }
    let second = try codeUnit()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00))
    else { throw fault("half of a surrogate pair") }
    return scalar
  }

  private mutating func codeUnit() throws(DynamicMessageError) -> UInt32 {
    let digits = bytes[position...].prefix(4)
    guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let unit = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw fault("four hexadecimal digits belong here") }
    position += 4
    return unit
  }

  // MARK: - Bytes

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func takeDigits() -> Bool {
    let start = position
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    return position > start
  }

  private mutating func skipSpace() {
    while let byte = peek, [0x20, 0x0A, 0x0D, 0x09].contains(byte) { position += 1 }
  }

  private func fault(_ problem: String) -> DynamicMessageError {
    let before = bytes[..<min(position, bytes.count)]
    let line = before.count { $0 == 0x0A } + 1
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let column = String(decoding: before[lineStart...], as: UTF8.self).count + 1
    return .json(line: line, column: column, problem: problem)
  }
}
