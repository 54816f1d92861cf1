import ConsentFormats
import PrivacyCore
import TestSupport
import Testing

@Suite("Receipts as JSON, as people write it")
struct JSONReceiptReaderTests {
  private func rows(_ text: String, by size: Int = .max) -> [ReceiptRow] {
    let bytes = Array(text.utf8)
    var reader = JSONReceiptReader()
    var rows: [ReceiptRow] = []
    var start = 0
    while start < bytes.count {
      let end = start + min(size, bytes.count - start)
      rows += reader.read(bytes[start..<end])
      start = end
    }
    return rows + reader.finish()
  }

  private func words(_ row: ReceiptRow) -> String {
    if case .failure(let fault) = row.outcome { fault.description } else { "a receipt" }
  }

  @Test(
    "a list, objects one after the other, and lines are read, wherever chunks end",
    arguments: [
      ("[", ",", "]"), ("", "\n", "\n"), ("\u{FEFF}[\r\n ", " ,\n\n ", "\n]\n"), ("", "", ""),
    ],
    [1, 2, 3, 50, 1_000_000])
  func reads(frame: (String, String, String), size: Int) throws {
    let receipts = try (UInt64(0)..<6).map { try Example.random(SeededRandom(seed: $0)) }
    let text = frame.0 + receipts.map(\.jsonLine).joined(separator: frame.1) + frame.2
    let rows = rows(text, by: size)
    #expect(try rows.map { try $0.outcome.get() } == receipts)
    let bytes = Array(text.utf8)
    #expect(
      rows.map { String(decoding: bytes[$0.bytes], as: UTF8.self) } == receipts.map(\.jsonLine))
  }

  @Test("an object over several lines counts from its first one, and braces in texts do not count")
  func lines() throws {
    let pretty = try Example.seed().jsonLine.replacing(",\"", with: ",\n  \"")
      .replacing("web-portal:v2", with: "a}]\\\"{")
    let rows = rows("\n\n[\(pretty),\n\(pretty)]")
    #expect(rows.map(\.line) == [3, 11])
    #expect(try rows.map { try $0.outcome.get().source } == ["a}]\"{", "a}]\"{"])
  }

  @Test("nothing, an empty list and several lists hold what they hold")
  func empty() throws {
    #expect(rows("").isEmpty)
    #expect(rows(" [ ] \n").isEmpty)
    let line = try Example.seed().jsonLine
    #expect(rows("[\(line)] [\(line)]").count == 2)
  }

  @Test(
    "what is wrong is told, and the next receipt is read",
    arguments: [
      ("[RECEIPT,{},RECEIPT]", ["a receipt", "consent_id is missing", "a receipt"]),
      ("[RECEIPT RECEIPT]", ["a receipt", "a comma"]),
      ("[RECEIPT,7,RECEIPT]", ["a receipt", "an object between braces", "a receipt"]),
      ("RECEIPT\nname\nRECEIPT", ["a receipt", "an object between braces", "a receipt"]),
      ("[RECEIPT", ["a receipt", "the list does not end"]),
      ("[RECEIPT,", ["a receipt", "the list does not end"]),
      ("[", ["the list does not end"]),
      ("[{\"a\":1", ["the object does not end", "the list does not end"]),
      ("{\"consent_id\":\"}", ["the object does not end"]),
      ("]", ["an object between braces"]),
      ("RECEIPT,RECEIPT", ["a receipt", "an object between braces", "a receipt"]),
    ], [1, 1_000_000])
  func faults(example: (text: String, words: [String]), size: Int) throws {
    let text = example.text.replacing("RECEIPT", with: try Example.seed().jsonLine)
    let rows = rows(text, by: size)
    #expect(rows.count == example.words.count)
    for (row, expected) in zip(rows, example.words) {
      #expect(words(row).contains(expected), "\(words(row))")
    }
  }

  @Test("an object has 65,536 bytes and not one more", arguments: [1_000, 1_000_000])
  func length(size: Int) throws {
    func object(_ byteCount: Int) throws -> String {
      let line = try Example.seed().jsonLine
      let room = byteCount - line.utf8.count
      return line.replacing(
        "\"version\"", with: String(repeating: " ", count: room) + "\"version\"")
    }
    let rows = try rows("[\(object(65_536)),\(object(65_537)),\(object(65_536))]", by: size)
    #expect(
      try rows.map(words) == ["a receipt", words(#require(rows.dropFirst().first)), "a receipt"])
    #expect(words(rows[1]).contains("longer than 65536"))
  }
}
