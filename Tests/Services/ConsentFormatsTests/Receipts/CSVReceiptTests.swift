import ConsentFormats
import PrivacyCore
import TestSupport
import Testing

@Suite("Receipts as CSV")
struct CSVReceiptTests {
  private static let header =
    "consent_id,user_id_hashed,scopes,granted_at,expires_at,source,version"
  private static let row =
    "c_01HZX3V5Q8R9S2T4V6W8X0Y1Z2,\(Example.pidText),product_recs;analytics,"
    + "2026-01-10T12:34:56Z,2028-01-10T12:34:56Z,web-portal:v2,2"

  private func rows(_ bytes: [UInt8], by size: Int = .max) throws -> [ReceiptRow] {
    var reader = CSVReceiptReader()
    var rows: [ReceiptRow] = []
    var start = 0
    while start < bytes.count {
      let end = start + min(size, bytes.count - start)
      rows += try reader.read(bytes[start..<end])
      start = end
    }
    return try rows + reader.finish()
  }

  private func rows(_ text: String, by size: Int = .max) throws -> [ReceiptRow] {
    try rows(Array(text.utf8), by: size)
  }

  private func reason(_ row: ReceiptRow) -> FormatFault.Reason? {
    if case .failure(let fault) = row.outcome { fault.reason } else { nil }
  }

  @Test(
    "a file of the seed's columns is read, with either line end, with and without a last one",
    arguments: ["\n", "\r\n"], [true, false])
  func seed(lineEnd: String, endsWithOne: Bool) throws {
    let text = [Self.header, Self.row, Self.row].joined(separator: lineEnd)
    let rows = try rows(endsWithOne ? text + lineEnd : text)
    #expect(rows.map(\.line) == [2, 3])
    for row in rows { #expect(try row.outcome.get() == Example.seed()) }
  }

  @Test("chunks may end anywhere, also within a byte order mark", arguments: 1..<40)
  func chunks(size: Int) throws {
    let full = try CSVReceiptWriter.header + CSVReceiptWriter.row(Example.full())
    let rows = try rows("\u{FEFF}" + full + CSVReceiptWriter.row(Example.seed()), by: size)
    #expect(try rows.map { try $0.outcome.get() } == [Example.full(), Example.seed()])
  }

  @Test("any receipt is read back the same", arguments: 0..<300)
  func roundTrip(seed: UInt64) throws {
    let random = SeededRandom(seed: seed)
    let receipts = try (0..<3).map { _ in try Example.random(random) }
    let text = CSVReceiptWriter.header + receipts.map(CSVReceiptWriter.row).joined()
    let rows = try rows(text, by: 1 + Dice(random: random).number(200))
    #expect(try rows.map { try $0.outcome.get() } == receipts)
  }

  @Test("columns may come in any order, and a withdrawal needs no expiry")
  func order() throws {
    let columns = "kind,version,source,granted_at,scopes,user_id_hashed,consent_id\n"
    let row =
      "withdrawal,0,\"call, \"\"hotline\"\"\",2026-01-10T12:34:56Z,a;b\\;c;\\e,"
      + "\(Example.pidText),c_01HZX3V5Q8R9S2T4V6W8X0Y1Z2"
    let receipt = try #require(try rows(columns + row).first).outcome.get()
    #expect(receipt.kind == .withdrawal)
    #expect(receipt.source == "call, \"hotline\"")
    #expect(receipt.scopes == ["a", "b;c", ""])
    #expect(receipt.expiresAt == nil)
  }

  @Test(
    "a header line that is wrong ends it",
    arguments: [
      ("", FormatFault.Reason.noHeader), ("\u{FEFF}", .noHeader), ("\n", .emptyLine),
      ("a\n", .unknownField("a")), ("Name of the person\n", .unknownField(nil)),
      (header + ",version\n", .repeatedField("version")),
      (header.replacing(",source", with: ""), .missingField("source")),
      (header + ",\"notice_id", .unendedQuote),
    ])
  func badHeader(text: String, reason: FormatFault.Reason) throws {
    #expect(fault { try rows(text) } == reason)
  }

  @Test("a header that failed stays failed")
  func failedHeader() throws {
    var reader = CSVReceiptReader()
    #expect(fault { try reader.read(Array("abc\n".utf8)) } == .unknownField("abc"))
    #expect(fault { try reader.read(Array((Self.header + "\n").utf8)) } == .unknownField("abc"))
    #expect(fault { try reader.finish() } == .unknownField("abc"))
  }

  @Test("33 columns are too many; of 32 the names are looked at")
  func columns() throws {
    let many = Array(repeating: "version", count: 32).joined(separator: ",")
    #expect(fault { try rows(many + "\n") } == .repeatedField("version"))
    #expect(fault { try rows(many + ",version\n") } == .tooManyColumns(countMax: 32))
  }

  @Test(
    "a row that is wrong is told with its line, and the next one is read",
    arguments: [
      ("", FormatFault.Reason.emptyLine), ("x", .cellCount(found: 1, expected: 7)),
      (row + ",", .cellCount(found: 8, expected: 7)),
      (row.replacing("web", with: "w\"eb"), .strayQuote),
      (row.replacing("web-portal:v2", with: "\"web\"portal"), .textAfterQuote),
      (row.replacing("web", with: "w\reb"), .strayCarriageReturn),
      (row.replacing("web-portal:v2", with: "\"w\"\reb"), .strayCarriageReturn),
      (row.replacing("2028-01-10T12:34:56Z", with: ""), .missingField("expires_at")),
      (row.replacing("c_01HZX3V5Q8R9S2T4V6W8X0Y1Z2", with: ""), .missingField("consent_id")),
      (
        row + "x",
        .malformedField("version", expected: "a whole number up to 4294967295")
      ),
      (
        row.replacing("recs;", with: "recs;;"),
        .malformedField("scopes", expected: "a list: an element is empty and not \\e")
      ),
      (
        row.replacing("recs;", with: "recs\\;\\"),
        .malformedField("scopes", expected: "a list: a backslash without ; \\ or e")
      ),
      (
        row.replacing("recs;", with: "recs;\\ex;"),
        .malformedField("scopes", expected: "a list: something follows \\e")
      ),
    ])
  func badRow(text: String, reason expected: FormatFault.Reason) throws {
    let rows = try rows([Self.header, text, Self.row].joined(separator: "\n"))
    #expect(rows.map(\.line) == [2, 3])
    #expect(reason(rows[0]) == expected)
    #expect(try rows[1].outcome.get() == Example.seed())
  }

  @Test("lines within quotation marks count")
  func lineNumbers() throws {
    let quoted = Self.row.replacing("web-portal:v2", with: "\"a\nb\r\nc\"")
    let rows = try rows([Self.header, quoted, "x", Self.row].joined(separator: "\n"))
    #expect(rows.map(\.line) == [2, 5, 6])
    #expect(try rows[0].outcome.get().source == "a\nb\r\nc")
  }

  @Test("each row says where it stands, wherever the chunks end", arguments: [1, 7, 1_000])
  func places(size: Int) throws {
    let rows = [
      Self.row + "\r\n", "x\n", "\n", Self.row.replacing("web", with: "\"a\n\"") + "\n",
      String(repeating: "y", count: 70_000) + "\n", Self.row,
    ]
    let text = "\u{FEFF}" + Self.header + "\n" + rows.joined()
    let bytes = Array(text.utf8)
    let read = try self.rows(bytes, by: size)
    #expect(read.map { String(decoding: bytes[$0.bytes], as: UTF8.self) } == rows)
    var reader = CSVReceiptReader()
    #expect(reader.header == nil)
    _ = try reader.read(bytes)
    #expect(reader.header == 3..<(3 + Self.header.utf8.count + 1))
  }

  @Test("a quotation mark that is not closed ends with the file")
  func unended() throws {
    let rows = try rows(Self.header + "\n" + Self.row.replacing("web", with: "\"web"))
    #expect(rows.map(reason) == [.unendedQuote])
    let open = try self.rows(Self.header + "\n\"c_01")
    #expect(open.map(reason) == [.unendedQuote])
  }

  @Test("bytes that are not UTF-8 are refused")
  func notUTF8() throws {
    var bytes = Array("\(Self.header)\n\(Self.row)\n\(Self.row)".utf8)
    let place = try #require(bytes.lastIndex(of: UInt8(ascii: "w")))
    bytes[place] = 0xC3
    let rows = try rows(bytes)
    #expect(rows.map(reason) == [nil, .notUTF8])
  }

  @Test("a record has 65,536 bytes and not one more", arguments: [true, false], ["\n", "\r\n"])
  func length(isQuoted: Bool, lineEnd: String) throws {
    func text(_ byteCount: Int) -> String {
      let quotes = isQuoted ? "\"" : ""
      let rest = Self.row.utf8.count - "web-portal:v2".utf8.count + 2 * quotes.utf8.count
      let source = quotes + String(repeating: "s", count: byteCount - rest) + quotes
      return [Self.header, Self.row.replacing("web-portal:v2", with: source), Self.row]
        .joined(separator: lineEnd)
    }
    for size in [1_000, .max] {
      let short = try rows(text(65_536), by: size)
      #expect(short.map(reason) == [nil, nil])
      let long = try rows(text(65_537), by: size)
      #expect(long.map(reason) == [.lineTooLong(byteCountMax: 65_536), nil])
      #expect(long.map(\.line) == [2, 3])
    }
  }

  @Test("a lost quotation mark does not swallow the file")
  func lostQuote() throws {
    let filler = String(repeating: Self.row + "\n", count: 500)
    let rows = try rows([Self.header, "\"" + filler + Self.row].joined(separator: "\n"))
    #expect(reason(rows[0]) == .lineTooLong(byteCountMax: 65_536))
    #expect(rows.count > 10)
    #expect(try #require(rows.last).outcome.get() == Example.seed())
    #expect(rows.last?.line == 502)
  }

  @Test("the purposes' cell holds the JSON form's list and nothing else")
  func purposes() throws {
    func text(_ cell: String) -> String { "\(Self.header),purposes\n\(Self.row),\(cell)" }
    let read = try rows(text(#""[{""purpose"":""ads"",""decision"":""denied""}]""#))
    #expect(
      try #require(read.first).outcome.get().purposes == [.init(name: "ads", decision: .denied)])
    #expect(try rows(text("[]]")).map(reason) == [.malformedJSON("something follows the value")])
    #expect(try rows(text("[{}]")).map(reason) == [.missingField("purpose")])
  }
}
