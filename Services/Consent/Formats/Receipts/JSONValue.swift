/// A JSON value to be written; members keep their order, so that the same receipt always gives
/// the same text.
enum JSONValue: Hashable, Sendable {
  case text(String)
  case number(Int64)
  case truth(Bool)
  case list([JSONValue])
  case members([Member])

  struct Member: Hashable, Sendable {
    let name: String
    let value: JSONValue
  }

  /// An object of these members, without those that have no value.
  static func object(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
    .members(members.compactMap { name, value in value.map { Member(name: name, value: $0) } })
  }

  /// A text, or `nil` for an empty one.
  static func said(_ text: String) -> JSONValue? { text.isEmpty ? nil : .text(text) }

  /// Texts, or `nil` for none.
  static func listed(_ texts: [String]) -> JSONValue? {
    texts.isEmpty ? nil : .list(texts.map { .text($0) })
  }

  /// One line without a line feed.
  var line: String {
    var line = ""
    append(to: &line)
    return line
  }

  private func append(to line: inout String) {
    switch self {
    case .text(let text): Self.append(text, to: &line)
    case .number(let number): line += String(number)
    case .truth(let truth): line += truth ? "true" : "false"
    case .list(let values):
      line += "["
      for (index, value) in values.enumerated() {
        if index > 0 { line += "," }
        value.append(to: &line)
      }
      line += "]"
    case .members(let members):
      line += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { line += "," }
        Self.append(member.name, to: &line)
        line += ":"
        member.value.append(to: &line)
      }
      line += "}"
    }
  }

  private static func append(_ text: String, to line: inout String) {
    line += "\""
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
    {
      line += text
    } else {
      for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": line += "\\\""
        case "\\": line += "\\\\"
        case "\u{0}"..<"\u{10}": line += "\\u000" + String(scalar.value, radix: 16)
        case "\u{10}"..<"\u{20}": line += "\\u00" + String(scalar.value, radix: 16)
        default: line.unicodeScalars.append(scalar)
        }
      }
    }
    line += "\""
  }
}
