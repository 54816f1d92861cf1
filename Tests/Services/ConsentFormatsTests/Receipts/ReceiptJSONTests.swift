import ConsentFormats
import PrivacyCore
import TestSupport
import Testing

@Suite("Receipts as JSON")
struct ReceiptJSONTests {
  private func read(_ text: String) throws -> ReceiptDocument {
    try ReceiptDocument(json: Array(text.utf8))
  }

  @Test("the seed's form is a subset, read and written as it is")
  func seed() throws {
    let receipt = try read(Example.seedLine)
    #expect(try receipt == Example.seed())
    #expect(receipt.jsonLine == Example.seedLine)
  }

  @Test("what is written in full is read back the same")
  func full() throws {
    let receipt = try Example.full()
    #expect(try read(receipt.jsonLine) == receipt)
  }

  @Test("any receipt is read back the same", arguments: 0..<300)
  func roundTrip(seed: UInt64) throws {
    let receipt = try Example.random(SeededRandom(seed: seed))
    #expect(try read(receipt.jsonLine) == receipt)
  }

  @Test(
    "each required field is missed",
    arguments: ["consent_id", "user_id_hashed", "scopes", "granted_at", "source", "version"])
  func missing(field: String) throws {
    let text = Example.seedLine.replacing("\"\(field)\":", with: "\"controller\":")
      .replacing(#""controller":["product_recs","analytics"]"#, with: #""controller":"x""#)
      .replacing(#""controller":2"#, with: #""controller":"x""#)
    #expect(fault { try read(text) } == .missingField(field))
  }

  @Test("only a grant must end")
  func expiry() throws {
    let text = Example.seedLine.replacing(#""expires_at":"2028-01-10T12:34:56Z","#, with: "")
    #expect(fault { try read(text) } == .missingField("expires_at"))
    let withdrawal = text.replacing("{\"consent_id", with: #"{"kind":"withdrawal","consent_id"#)
    #expect(try read(withdrawal).kind == .withdrawal)
  }

  @Test(
    "what does not belong is refused",
    arguments: [
      (#""version":2"#, #""version":2,"email":"x""#, FormatFault.Reason.unknownField("email")),
      (#""version":2"#, #""version":2,"A b":"x""#, .unknownField(nil)),
      (#""version":2"#, #""version":2,"version":2"#, .repeatedField("version")),
      (
        #""version":2"#, #""version":4294967296"#,
        .malformedField("version", expected: "a whole number up to 4294967295")
      ),
      (
        #""version":2"#, #""version":02"#,
        .malformedField("version", expected: "a whole number up to 4294967295")
      ),
      (#""version":2"#, #""version":2.0"#, .malformedJSON("expected a whole number")),
      (#""version":2"#, #""version":-2"#, .malformedJSON("expected a whole number")),
      (#""version":2"#, #""version":"2""#, .malformedJSON("expected a whole number")),
      (#""version":2}"#, #""version":2} x"#, .malformedJSON("something follows the value")),
      (#""version":2}"#, #""version":2"#, .malformedJSON("expected }")),
      ("c_01", "c_0I", .malformedField("consent_id", expected: "c_ and a ULID")),
      (
        "hmac:sha256:", "hmac:sha512:",
        .malformedField("user_id_hashed", expected: "hmac:sha256: and 43 characters")
      ),
      (
        "2026-01-10T12:34:56Z", "2026-01-10T12:34:56",
        .malformedField("granted_at", expected: "an RFC 3339 date and time with an offset")
      ),
      (
        "2026-01-10T12:34:56Z", "2026-02-30T12:34:56Z",
        .malformedField("granted_at", expected: "an RFC 3339 date and time with an offset")
      ),
      ("web-portal", #"\ud83d"#, .malformedJSON("half a surrogate pair")),
      ("web-portal", "\t", .malformedJSON("a control character in a string")),
      ("web-portal", #"\x"#, .malformedJSON("an unknown escape in a string")),
    ])
  func refused(_ change: (String, String, FormatFault.Reason)) throws {
    #expect(fault { try read(Example.seedLine.replacing(change.0, with: change.1)) } == change.2)
  }

  @Test("bytes that are not UTF-8 are refused, in a string and in an escaped one")
  func notUTF8() throws {
    for filler in ["web-portal:v2", "web\\nportal"] {
      var bytes = Array(Example.seedLine.replacing("web-portal:v2", with: filler).utf8)
      let place = try #require(bytes.lastIndex(of: UInt8(ascii: "w")))
      bytes[place] = 0xFF
      #expect(fault { try ReceiptDocument(json: bytes) } == .notUTF8)
    }
  }

  @Test("a list has 64 elements and not 65")
  func elements() throws {
    func text(_ count: Int) -> String {
      let list = (0..<count).map { "\"s\($0)\"" }.joined(separator: ",")
      return Example.seedLine.replacing(#"["product_recs","analytics"]"#, with: "[\(list)]")
    }
    #expect(try read(text(64)).scopes.count == 64)
    #expect(fault { try read(text(65)) } == .tooManyElements("scopes", countMax: 64))
  }

  @Test("a line has 65,536 bytes and not one more")
  func length() throws {
    func text(_ byteCount: Int) -> String {
      Example.seedLine + String(repeating: " ", count: byteCount - Example.seedLine.utf8.count)
    }
    #expect(try read(text(65_536)) == Example.seed())
    #expect(fault { try read(text(65_537)) } == .lineTooLong(byteCountMax: 65_536))
  }

  @Test("lines come out the same however the chunks fall", arguments: [1, 2, 7, 64, 100_000])
  func chunks(size: Int) throws {
    let full = try Example.full().jsonLine
    let bytes = Array("\(Example.seedLine)\r\n\(full)\n\nnonsense\n\(Example.seedLine)".utf8)
    var reader = JSONLinesReceiptReader()
    var rows: [ReceiptRow] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      rows += reader.read(bytes[start..<min(start + size, bytes.count)])
    }
    rows += reader.finish()
    #expect(rows.map(\.line) == [1, 2, 3, 4, 5])
    #expect(try rows[0].outcome.get() == Example.seed())
    #expect(try rows[1].outcome.get() == Example.full())
    #expect(rows[2].outcome == .failure(FormatFault(.emptyLine, line: 3)))
    #expect(
      rows[3].outcome == .failure(FormatFault(.malformedJSON("expected {"), line: 4, column: 1)))
    #expect(try rows[4].outcome.get() == Example.seed())
    #expect(reader.finish().isEmpty)
  }

  @Test("after a line that is too long the next one is read")
  func overlong() throws {
    var reader = JSONLinesReceiptReader()
    var rows: [ReceiptRow] = []
    for _ in 0..<70 { rows += reader.read([UInt8](repeating: UInt8(ascii: "x"), count: 1_000)) }
    rows += reader.read(Array("\n\(Example.seedLine)\n".utf8))
    #expect(
      rows[0].outcome == .failure(FormatFault(.lineTooLong(byteCountMax: 65_536), line: 1)))
    #expect(try rows[1].outcome.get() == Example.seed())
  }
}
