internal import FeaturesAPI
internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import TestSupport
internal import Testing
internal import VaultAPI

@Suite("Rules of a mapping")
struct RowMapperTests {
  private static let columns = ["mail", "a", "b", "at"]

  private static func yaml(
    identifier: String = "{kind: email, value: \"{mail}\"}", fields: String = "[]",
    more: String = ""
  ) -> String {
    """
    source: orders
    format: csv
    identifier: \(identifier)
    scope: product_recs
    time: "{at}"
    fields: \(fields)
    \(more)
    """
  }

  private static func map(
    _ yaml: String, mail: String = "ann@example.com", _ a: String = "", _ b: String = "",
    at: String = "2026-01-01"
  ) throws -> Result<MappedRow, RowRefusal> {
    try RowMapper(try IngestMapping(yaml: yaml), columns: columns, file: "orders.csv").map(
      SourceRecord(line: 3, cells: .success([mail, a, b, at])))
  }

  /// The value of the one field of a mapping.
  private static func value(
    _ rule: String, _ a: String = "", _ b: String = ""
  ) throws -> Result<Value.Kind?, RowRefusal> {
    try map(yaml(fields: "[{name: f, \(rule)}]"), a, b).map { $0.event.fields.first?.value?.kind }
  }

  // MARK: Values

  @Test(
    "a cell of the type asked for is taken",
    arguments: [
      ("type: int", "12", .intValue(12)), ("type: int", "-9223372036854775808", .intValue(.min)),
      ("type: double", "1e3", .doubleValue(1_000)), ("type: double", "-0.5", .doubleValue(-0.5)),
      ("type: bool", "YES", .boolValue(true)), ("type: bool", "0", .boolValue(false)),
      ("type: bool", "true", .boolValue(true)), ("type: bool", "no", .boolValue(false)),
      ("type: string", " x ", .stringValue(" x ")), ("type: int", "", nil),
      ("type: double", "", nil), ("type: bool", "", nil), ("type: string", "", nil),
    ] as [(String, String, Value.Kind?)])
  func taken(type: String, cell: String, kind: Value.Kind?) throws {
    #expect(try Self.value("from: \"{a}\", \(type)", cell).get() == kind)
  }

  @Test(
    "a cell of another type refuses the row with the field's name and not with the cell",
    arguments: [
      ("type: int", "1.0", "f is not a whole number"),
      ("type: int", "9223372036854775808", "f is not a whole number"),
      ("type: int", "twelve", "f is not a whole number"),
      ("type: double", "1,5", "f is not a number"), ("type: double", "inf", "f is not a number"),
      ("type: double", "nan", "f is not a number"),
      ("type: bool", "2", "f is neither true nor false"),
    ])
  func refused(type: String, cell: String, reason: String) throws {
    #expect(try Self.value("from: \"{a}\", \(type)", cell) == .failure(RowRefusal(reason)))
  }

  @Test(
    "text is transformed as the mapping says",
    arguments: [
      ("upper", " aB ", " AB "), ("lower", " aB ", " ab "), ("trim", " \t a B \n", "a B"),
    ])
  func transforms(transform: String, cell: String, text: String) throws {
    let kind = try Self.value("from: \"{a}\", transform: \(transform)", cell).get()
    #expect(kind == .stringValue(text))
  }

  @Test("a transform is done before the cell is read as a number")
  func transformBeforeType() throws {
    let kind = try Self.value("from: \"{a}\", transform: trim, type: int", " 7 ").get()
    #expect(kind == .intValue(7))
  }

  @Test("a template joins texts, cells, the line and the file")
  func template() throws {
    let kind = try Self.value("from: \"<{a}|{b}> {#file}:{#line}\"", "x", "y").get()
    #expect(kind == .stringValue("<x|y> orders.csv:3"))
  }

  @Test("a product multiplies its columns, and refuses what is no finite number")
  func product() throws {
    #expect(try Self.value("product: [a, b]", "3", "-0.5").get() == .doubleValue(-1.5))
    for cell in ["", "x", "inf", "nan"] {
      #expect(
        try Self.value("product: [a, b]", "3", cell) == .failure(RowRefusal("f is not a number")))
    }
  }

  @Test("a product too large for a number is refused")
  func productOverflow() throws {
    #expect(
      try Self.value("product: [a, b]", "1e308", "1e308")
        == .failure(RowRefusal("f is not a number")))
  }

  // MARK: Cases

  @Test("the first case that holds counts, otherwise the default, otherwise no field")
  func cases() throws {
    let cases = """
      cases: [{value: one, when: [{column: a, equals: "1"}]}, \
      {value: few, when: [{column: a, above: 0}, {column: b, empty: true}]}]
      """
    #expect(try Self.value(cases, "1").get() == .stringValue("one"))
    #expect(try Self.value(cases, "2").get() == .stringValue("few"))
    #expect(try Self.value(cases, "2", "x").get() == nil)
    #expect(try Self.value(cases + ", otherwise: many", "2", "x").get() == .stringValue("many"))
  }

  @Test(
    "a condition holds on one side of its rule and not on the other",
    arguments: [
      ("equals: \"ab\"", "ab", "AB"), ("starts_with: C", "C1", "c1"), ("starts_with: C", "C", ""),
      ("above: 0", "0.001", "0"), ("above: 0", "1", "-1"), ("above: 0", "2", "two"),
      ("above: -1", "0", ""), ("empty: true", "", " "), ("empty: false", " ", ""),
      ("picture: \"99A\"", "12b", "12"), ("picture: \"99A\"", "00Z", "00ZZ"),
      ("picture: \"9A?\"", "1", "A"), ("picture: \"9A?\"", "1x", "12"),
      ("picture: \"9?9\"", "1", ""), ("picture: \"9?9\"", "12", "123"),
      ("picture: \"A-9\"", "b-7", "b_7"),
    ])
  func conditions(rule: String, holds: String, fails: String) throws {
    let cases = "cases: [{value: yes it does, when: [{column: a, \(rule)}]}]"
    #expect(try Self.value(cases, holds).get() == .stringValue("yes it does"))
    #expect(try Self.value(cases, fails).get() == nil)
  }

  @Test("a picture's letters are those of ASCII", arguments: ["é", "1", "@", "[", "`", "{", ""])
  func pictureLetters(cell: String) throws {
    let cases = "cases: [{value: letter, when: [{column: a, picture: A}]}]"
    #expect(try Self.value(cases, cell).get() == nil)
    #expect(try Self.value(cases, "z").get() == .stringValue("letter"))
  }

  // MARK: Who, when and which

  @Test("a row without one of the identifier's columns is nobody's")
  func emptyIdentifier() throws {
    let yaml = Self.yaml(identifier: "{kind: customer_number, value: \"{a}-{b}\", qualifier: shop}")
    #expect(
      try Self.map(yaml, "1", "").map(\.line) == .failure(RowRefusal("no identifier of a person")))
    let row = try Self.map(yaml, "1", "2").get()
    #expect(row.identifier.kind == .customerNumber)
    #expect(row.identifier.value == "1-2")
    #expect(row.identifier.qualifier == "shop")
  }

  @Test(
    "a time that RFC 3339 does not know is refused",
    arguments: ["", "yesterday", "2026-13-01", "2026-02-30", "01.02.2026", "1767225600"])
  func badTime(at: String) throws {
    let refusal = RowRefusal("the time is not a date as RFC 3339 has it")
    #expect(try Self.map(Self.yaml(), at: at).map(\.line) == .failure(refusal))
  }

  @Test(
    "dates and times are read",
    arguments: ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00"])
  func goodTime(at: String) throws {
    #expect(try Self.map(Self.yaml(), at: at).get().event.eventTimeUs == 1_767_225_600_000_000)
  }

  @Test("an event's id is that of the mapping, else the file and the line")
  func eventID() throws {
    #expect(try Self.map(Self.yaml()).get().event.eventID == "orders.csv:3")
    let row = try Self.map(Self.yaml(more: "event_id: \"{a}/{b}\""), "x", "y").get()
    #expect(row.event.eventID == "x/y")
  }

  @Test("a row that a rule refuses is refused with its reason, before anything else is read")
  func refuseRule() throws {
    let yaml = Self.yaml(
      more: "refuse: [{reason: a test row, when: [{column: a, equals: test}]}]")
    #expect(
      try Self.map(yaml, mail: "", "test", at: "").map(\.line) == .failure(RowRefusal("a test row"))
    )
    #expect(try Self.map(yaml, "real").map(\.line) == .success(3))
  }

  @Test("a row that could not be read keeps its reason")
  func unreadable() throws {
    let mapper = try RowMapper(
      try IngestMapping(yaml: Self.yaml()), columns: Self.columns, file: "orders.csv")
    let record = SourceRecord(line: 9, cells: .failure(RowRefusal("a cell is not UTF-8")))
    #expect(mapper.map(record).map(\.line) == .failure(RowRefusal("a cell is not UTF-8")))
  }

  // MARK: The mapping itself

  @Test(
    "a mapping that cannot be meant is refused, and says where",
    arguments: [
      (yaml(identifier: "{kind: passport, value: x}"), "identifier.kind"),
      (yaml(fields: "[{name: f, from: x, transform: reverse}]"), "transform"),
      (yaml(fields: "[{name: f, from: x, type: date}]"), "type"),
      (yaml(fields: "[{name: f, from: x, product: [a]}]"), "needs one of from, product or cases"),
      (yaml(fields: "[{name: f, from: x}, {name: f, from: y}]"), "a field is named twice"),
      (yaml(fields: "[{name: Bad Name, from: x}]"), "\"Bad Name\" is no name"),
      (yaml(more: "delimiter: \"::\""), "delimiter must be one ASCII character"),
      (yaml(more: "delimiter: \"\""), "delimiter must be one ASCII character"),
      (yaml(more: "delimiter: \"§\""), "delimiter must be one ASCII character"),
      (yaml().replacingOccurrences(of: "csv", with: "xlsx"), "format"),
      (yaml().replacingOccurrences(of: "product_recs", with: "No Scope"), "scope is no name"),
      (yaml().replacingOccurrences(of: "{at}", with: "{at"), "a brace is not closed"),
    ])
  func badMapping(yaml: String, reason: String) {
    let failure = #expect(throws: CommandFailure.self) { try IngestMapping(yaml: yaml) }
    #expect(failure?.description.contains(reason) == true, "\(failure?.description ?? "")")
  }

  @Test("a mapping names the columns it reads, each once and without #line and #file")
  func columnsRead() throws {
    let mapping = try IngestMapping(
      yaml: Self.yaml(
        fields: """
          [{name: f, from: "{a}{#line}"}, {name: g, product: [a, b]}, \
          {name: h, cases: [{value: x, when: [{column: c, empty: true}]}]}]
          """, more: "refuse: [{reason: r, when: [{column: d, empty: true}]}]"))
    #expect(mapping.columns == ["mail", "at", "a", "b", "c", "d"])
  }

  @Test(
    "a column that the file has not is named, wherever the mapping reads it",
    arguments: [
      yaml(identifier: "{kind: email, value: \"{missing}\"}"),
      yaml(fields: "[{name: f, from: \"{missing}\"}]"),
      yaml(fields: "[{name: f, product: [a, missing]}]"),
      yaml(fields: "[{name: f, cases: [{value: x, when: [{column: missing}]}]}]"),
      yaml(more: "refuse: [{reason: r, when: [{column: missing}]}]"),
      yaml(more: "event_id: \"{missing}\""),
    ])
  func missingColumn(yaml: String) throws {
    let mapping = try IngestMapping(yaml: yaml)
    let failure = #expect(throws: CommandFailure.self) {
      try RowMapper(mapping, columns: Self.columns, file: "f")
    }
    #expect(failure?.description.contains("no column missing") == true)
    #expect(failure?.description.contains("mail, a, b, at") == true)
  }
}
