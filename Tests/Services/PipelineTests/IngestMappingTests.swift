internal import FeaturesAPI
internal import Foundation
internal import Pipeline
internal import ServiceKit
internal import TestSupport
internal import Testing
internal import VaultAPI

@Suite("Mapping rows to events")
struct IngestMappingTests {
  private static let columns = [
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID",
    "Country",
  ]

  private static func example() throws -> IngestMapping {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    return try IngestMapping(
      contentsOf: root.appending(path: "Examples/online-retail/mapping.yaml"))
  }

  private static func map(_ cells: [String]) throws -> Result<MappedRow, RowRefusal> {
    try RowMapper(try example(), columns: columns, file: "orders.csv").map(
      SourceRecord(line: 7, cells: .success(cells)))
  }

  private static func kind(_ cells: [String]) throws -> String? {
    let event = try map(cells).get().event
    guard
      case .stringValue(let kind)? = event.fields.first(where: { $0.name == "kind" })?.value?.kind
    else { return nil }
    return kind
  }

  @Test("a purchase carries item, amount, time and its idempotency key")
  func purchase() throws {
    let row = try Self.map(
      ["536365", "85123a", "HOLDER", "6", "2010-12-01 08:26:00", "2.55", "17850", "United Kingdom"]
    ).get()
    #expect(row.identifier.value == "c17850@example.com")
    #expect(row.event.eventID == "orders.csv:7")
    #expect(row.event.eventTimeUs == 1_291_191_960_000_000)
    let values = Dictionary(
      uniqueKeysWithValues: row.event.fields.map { ($0.name, $0.value?.kind) })
    #expect(values["item"] == .stringValue("85123A"))
    #expect(values["quantity"] == .intValue(6))
    #expect(values["amount"] == .doubleValue(6 * 2.55))
    #expect(values["kind"] == .stringValue("purchase"))
  }

  @Test(
    "cancellations, postage and gifts are no purchases",
    arguments: [
      (["C1", "85123A", "", "-6", "2010-12-01", "2.55", "1", "UK"], "cancellation"),
      (["1", "POST", "", "1", "2010-12-01", "18.0", "1", "UK"], "other"),
      (["1", "85123A", "", "1", "2010-12-01", "0", "1", "UK"], "other"),
      (["1", "85123ABC", "", "1", "2010-12-01", "1", "1", "UK"], "other"),
      (["1", "8512", "", "1", "2010-12-01", "1", "1", "UK"], "other"),
      (["1", "85123AB", "", "1", "2010-12-01", "1", "1", "UK"], "purchase"),
    ] as [([String], String)])
  func kinds(cells: [String], kind: String) throws { #expect(try Self.kind(cells) == kind) }

  @Test(
    "a row that cannot be an event is refused with a reason and no value of it",
    arguments: [
      (["1", "85123A", "", "1", "2010-12-01", "1", "", "UK"], "no customer number"),
      (
        ["1", "85123A", "", "1", "secret-day", "1", "1", "UK"],
        "the time is not a date as RFC 3339 has it"
      ),
      (["1", "85123A", "", "x1", "2010-12-01", "1", "1", "UK"], "quantity is not a whole number"),
      (["1", "85123A", "", "1", "2010-12-01", "nan", "1", "UK"], "unit_price is not a number"),
    ] as [([String], String)])
  func refused(cells: [String], reason: String) throws {
    #expect(throws: RowRefusal(reason)) { try Self.map(cells).get() }
  }

  @Test(
    "a mapping that is not one is refused in words",
    arguments: [
      ("source: x", "the key format is missing"),
      ("[1, 2", "mapping"),
      (
        "source: X\nformat: csv\nidentifier: {kind: email, value: a}\nscope: s\ntime: t\nfields: []",
        "source is no name"
      ),
      (
        "source: x\nformat: csv\nidentifier: {kind: email, value: 'a{b'}\nscope: s\ntime: t\nfields: []",
        "a brace is not closed"
      ),
      (
        "source: x\nformat: csv\nidentifier: {kind: email, value: a}\nscope: s\ntime: t\nfields: [{name: f}]",
        "needs one of from, product or cases"
      ),
    ])
  func badMapping(yaml: String, reason: String) {
    let failure = #expect(throws: CommandFailure.self) { try IngestMapping(yaml: yaml) }
    #expect(failure?.description.contains(reason) == true)
  }

  @Test("a column that the file has not is named")
  func missingColumn() throws {
    let failure = #expect(throws: CommandFailure.self) {
      try RowMapper(try Self.example(), columns: ["InvoiceNo"], file: "f")
    }
    #expect(failure?.description.contains("CustomerID") == true)
  }
}
