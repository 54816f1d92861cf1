package import Foundation
internal import PrivacyCore
internal import ServiceKit
internal import Yams

/// How the rows of an export become events: the person, the receipt's scope, the time and the
/// fields. Read from a YAML file; `Examples/online-retail.yaml` explains every key.
package struct IngestMapping: Decodable, Sendable {
  package enum Format: String, Decodable, Sendable {
    case csv
    case jsonLines = "jsonl"
  }

  package enum IdentifierKind: String, Decodable, Sendable {
    case email, phone
    case customerNumber = "customer_number"
  }

  package struct Identifier: Decodable, Sendable {
    package let kind: IdentifierKind
    package let value: Template
    package let qualifier: String?
  }

  package enum FieldType: String, Decodable, Sendable { case string, int, double, bool }

  package struct Field: Decodable, Sendable {
    package let name: String
    package let from: Template?
    package let type: FieldType?
    package let transform: Transform?
    /// Columns whose numbers are multiplied.
    package let product: [String]?
    package let cases: [Case]?
    package let otherwise: String?
  }

  package enum Transform: String, Decodable, Sendable { case upper, lower, trim }

  package struct Case: Decodable, Sendable {
    package let value: String
    package let when: [RowCondition]
  }

  package struct Refusal: Decodable, Sendable {
    package let reason: String
    package let when: [RowCondition]
  }

  package let source: String
  package let format: Format
  package let delimiter: String?
  package let identifier: Identifier
  package let scope: String
  package let eventID: Template?
  package let time: Template
  package let fields: [Field]
  package let refuse: [Refusal]?

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case source, format, delimiter, identifier, scope, time, fields, refuse
    case eventID = "event_id"
  }

  /// Reads the mapping in the file at `url`.
  package init(contentsOf url: URL) throws {
    guard let text = try? String(contentsOf: url, encoding: .utf8) else {
      throw CommandFailure("cannot read the mapping \(url.path)")
    }
    try self.init(yaml: text, name: url.lastPathComponent)
  }

  /// Reads a mapping and checks what can be checked without a row.
  package init(yaml: String, name: String = "mapping") throws {
    do {
      self = try YAMLDecoder().decode(IngestMapping.self, from: yaml)
    } catch let error as DecodingError {
      throw CommandFailure("\(name): \(Self.sentence(error))")
    } catch {
      throw CommandFailure("\(name): \(error)")
    }
    guard NameRule.accepts(source) else { throw CommandFailure("\(name): source is no name") }
    guard Scope(scope) != nil else { throw CommandFailure("\(name): scope is no name") }
    guard (delimiter ?? ",").utf8.count == 1 else {
      throw CommandFailure("\(name): delimiter must be one ASCII character")
    }
    guard Set(fields.map(\.name)).count == fields.count else {
      throw CommandFailure("\(name): a field is named twice")
    }
    for field in fields {
      guard NameRule.accepts(field.name) else {
        throw CommandFailure("\(name): the field \"\(field.name)\" is no name")
      }
      let ways = [field.from != nil, field.product != nil, field.cases != nil].filter { $0 }.count
      guard ways == 1 else {
        throw CommandFailure("\(name): field \(field.name) needs one of from, product or cases")
      }
    }
  }

  /// Every column that the mapping reads.
  package var columns: [String] {
    var names = identifier.value.columns + time.columns + (eventID?.columns ?? [])
    for field in fields {
      names += field.from?.columns ?? []
      names += field.product ?? []
      names += field.cases?.flatMap { $0.when.map(\.column) } ?? []
    }
    names += refuse?.flatMap { $0.when.map(\.column) } ?? []
    var seen: Set<String> = []
    return names.filter { !$0.hasPrefix("#") && seen.insert($0).inserted }
  }

  private static func sentence(_ error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let context):
      "\(path(context.codingPath))the key \(key.stringValue) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context),
      .dataCorrupted(let context):
      "\(path(context.codingPath))\(context.debugDescription)"
    @unknown default: "\(error)"
    }
  }

  private static func path(_ keys: [any CodingKey]) -> String {
    keys.isEmpty
      ? ""
      : keys.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ".") + ": "
  }
}

/// Text with columns in braces: `c{CustomerID}@example.com`. `{#line}` is the row's line number,
/// `{#file}` the file's name without its directory and `.gz`.
package struct Template: Decodable, Sendable {
  package enum Part: Hashable, Sendable {
    case text(String)
    case column(String)
  }

  package let parts: [Part]

  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let template = Template(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "a brace is not closed"))
    }
    self = template
  }

  /// Reads a template, or `nil` where a brace is not closed.
  package init?(_ text: String) {
    var parts: [Part] = []
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
      guard let close = rest[open...].firstIndex(of: "}") else { return nil }
      parts.append(.column(String(rest[rest.index(after: open)..<close])))
      rest = rest[rest.index(after: close)...]
    }
    if !rest.isEmpty { parts.append(.text(String(rest))) }
    self.parts = parts
  }

  var columns: [String] {
    parts.compactMap { if case .column(let name) = $0 { name } else { nil } }
  }
}

/// A test of one cell. A row meets it when every part that is given holds.
package struct RowCondition: Decodable, Sendable {
  package let column: String
  package let equals: String?
  package let startsWith: String?
  package let above: Double?
  package let empty: Bool?
  /// `9` a digit, `A` a letter, `?` behind either: it may be missing. Case does not matter.
  package let picture: String?

  private enum CodingKeys: String, CodingKey {
    case column, equals, above, empty, picture
    case startsWith = "starts_with"
  }

  /// Whether `cell` meets it.
  func holds(for cell: String) -> Bool {
    if let equals, cell != equals { return false }
    if let startsWith, !cell.hasPrefix(startsWith) { return false }
    if let above, !(Double(cell).map { $0 > above } ?? false) { return false }
    if let empty, cell.isEmpty != empty { return false }
    if let picture, !Self.matches(Array(cell.utf8)[...], Array(picture.utf8)[...]) { return false }
    return true
  }

  private static func matches(_ text: ArraySlice<UInt8>, _ picture: ArraySlice<UInt8>) -> Bool {
    guard let symbol = picture.first else { return text.isEmpty }
    let isOptional = picture.dropFirst().first == UInt8(ascii: "?")
    let rest = picture.dropFirst(isOptional ? 2 : 1)
    if let character = text.first, fits(character, symbol), matches(text.dropFirst(), rest) {
      return true
    }
    return isOptional && matches(text, rest)
  }

  private static func fits(_ character: UInt8, _ symbol: UInt8) -> Bool {
    switch symbol {
    case UInt8(ascii: "9"): (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character)
    case UInt8(ascii: "A"): (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(character | 0x20)
    default: character == symbol
    }
  }
}
