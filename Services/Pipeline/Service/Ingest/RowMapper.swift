package import FeaturesAPI
internal import PrivacyCore
package import ServiceKit
package import VaultAPI

/// A row as the pipeline sends it on: whose it is, and the event without its pid and receipt.
package struct MappedRow: Sendable {
  package let line: Int
  package let identifier: Identifier
  package var event: Event
}

/// Turns rows into events as a mapping says, with the columns looked up once.
package struct RowMapper: Sendable {
  private enum Piece: Sendable {
    case text(String)
    case column(Int)
    case line
  }

  private struct Condition: Sendable {
    let column: Int
    let test: RowCondition
  }

  private enum Origin: Sendable {
    case template([Piece])
    case product([Int])
    case cases([(value: String, conditions: [Condition])], otherwise: String?)
  }

  private struct FieldRule: Sendable {
    let name: String
    let type: IngestMapping.FieldType
    let transform: IngestMapping.Transform?
    let origin: Origin
  }

  private let kind: VaultAPI.IdentifierKind
  private let qualifier: String
  private let identifier: [Piece]
  private let identifierColumns: [Int]
  private let eventID: [Piece]
  private let time: [Piece]
  private let fields: [FieldRule]
  private let refusals: [(reason: String, conditions: [Condition])]

  /// Prepares `mapping` for a file with these columns; `file` stands for `{#file}`.
  package init(_ mapping: IngestMapping, columns: [String], file: String) throws {
    let index = Dictionary(uniqueKeysWithValues: columns.enumerated().map { ($1, $0) })
    func column(_ name: String) throws -> Int {
      guard let found = index[name] else {
        throw CommandFailure(
          "the file has no column \(name), which the mapping reads; it has: "
            + columns.joined(separator: ", "))
      }
      return found
    }
    func pieces(_ template: Template) throws -> [Piece] {
      try template.parts.map { part in
        switch part {
        case .text(let text): .text(text)
        case .column("#line"): .line
        case .column("#file"): .text(file)
        case .column(let name): .column(try column(name))
        }
      }
    }
    func conditions(_ conditions: [RowCondition]) throws -> [Condition] {
      try conditions.map { Condition(column: try column($0.column), test: $0) }
    }
    kind =
      switch mapping.identifier.kind {
      case .email: .email
      case .phone: .phone
      case .customerNumber: .customerNumber
      }
    qualifier = mapping.identifier.qualifier ?? ""
    identifier = try pieces(mapping.identifier.value)
    identifierColumns = try mapping.identifier.value.columns.map(column)
    eventID = try mapping.eventID.map(pieces) ?? [.text(file), .text(":"), .line]
    time = try pieces(mapping.time)
    refusals = try (mapping.refuse ?? []).map { ($0.reason, try conditions($0.when)) }
    fields = try mapping.fields.map { field in
      let origin: Origin
      if let factors = field.product {
        origin = .product(try factors.map(column))
      } else if let cases = field.cases {
        origin = .cases(
          try cases.map { ($0.value, try conditions($0.when)) }, otherwise: field.otherwise)
      } else {
        origin = .template(try field.from.map(pieces) ?? [])
      }
      return FieldRule(
        name: field.name, type: field.type ?? (field.product == nil ? .string : .double),
        transform: field.transform, origin: origin)
    }
  }

  /// The event of one row, or why it is refused.
  package func map(_ record: SourceRecord) -> Result<MappedRow, RowRefusal> {
    switch record.cells {
    case .failure(let refusal): .failure(refusal)
    case .success(let cells):
      Result { () throws(RowRefusal) in try map(cells, line: record.line) }
    }
  }

  private func map(_ cells: [String], line: Int) throws(RowRefusal) -> MappedRow {
    for refusal in refusals where Self.hold(refusal.conditions, cells) {
      throw RowRefusal(refusal.reason)
    }
    guard identifierColumns.allSatisfy({ !cells[$0].isEmpty }) else {
      throw RowRefusal("no identifier of a person")
    }
    guard let instant = Timestamp(rfc3339: Self.text(time, cells, line)) else {
      throw RowRefusal("the time is not a date as RFC 3339 has it")
    }
    var event = Event()
    event.eventID = Self.text(eventID, cells, line)
    event.eventTimeUs = instant.microseconds
    event.fields.reserveCapacity(fields.count)
    for field in fields {
      guard let value = try value(of: field, cells, line) else { continue }
      event.fields.append(Field(name: field.name, value: Value(kind: value)))
    }
    return MappedRow(
      line: line,
      identifier: Identifier(
        kind: kind, value: Self.text(identifier, cells, line), qualifier: qualifier),
      event: event)
  }

  private func value(
    of field: FieldRule, _ cells: [String], _ line: Int
  ) throws(RowRefusal) -> Value.Kind? {
    let text: String
    switch field.origin {
    case .product(let columns):
      var product = 1.0
      for column in columns {
        guard let factor = Double(cells[column]), factor.isFinite else {
          throw RowRefusal("\(field.name) is not a number")
        }
        product *= factor
      }
      guard product.isFinite else { throw RowRefusal("\(field.name) is not a number") }
      return .doubleValue(product)
    case .cases(let cases, let otherwise):
      guard let value = cases.first(where: { Self.hold($0.conditions, cells) })?.value ?? otherwise
      else { return nil }
      text = value
    case .template(let pieces): text = Self.text(pieces, cells, line)
    }
    return try Self.parse(Self.transformed(text, field.transform), as: field)
  }

  private static func parse(_ text: String, as field: FieldRule) throws(RowRefusal) -> Value.Kind? {
    if text.isEmpty { return nil }
    switch field.type {
    case .string: return .stringValue(text)
    case .int:
      guard let number = Int64(text) else {
        throw RowRefusal("\(field.name) is not a whole number")
      }
      return .intValue(number)
    case .double:
      guard let number = Double(text), number.isFinite else {
        throw RowRefusal("\(field.name) is not a number")
      }
      return .doubleValue(number)
    case .bool:
      switch text.lowercased() {
      case "true", "yes", "1": return .boolValue(true)
      case "false", "no", "0": return .boolValue(false)
      default: throw RowRefusal("\(field.name) is neither true nor false")
      }
    }
  }

  private static func transformed(_ text: String, _ transform: IngestMapping.Transform?) -> String {
    switch transform {
    case .upper: text.uppercased()
    case .lower: text.lowercased()
    case .trim:
      String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    case nil: text
    }
  }

  private static func hold(_ conditions: [Condition], _ cells: [String]) -> Bool {
    conditions.allSatisfy { $0.test.holds(for: cells[$0.column]) }
  }

  private static func text(_ pieces: [Piece], _ cells: [String], _ line: Int) -> String {
    if pieces.count == 1, case .column(let column) = pieces[0] { return cells[column] }
    var text = ""
    for piece in pieces {
      switch piece {
      case .text(let part): text += part
      case .column(let column): text += cells[column]
      case .line: text += String(line)
      }
    }
    return text
  }
}
