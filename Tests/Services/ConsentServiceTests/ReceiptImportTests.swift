import ConsentAPI
import ConsentFormats
import ConsentService
import Foundation
import PrivacyCore
import ServiceKit
import TestSupport
import Testing

@Suite("Importing files of receipts")
struct ReceiptImportTests {
  private struct Work {
    let outcome: ReceiptImport.Outcome
    let rejects: String?
  }

  private func importing(
    _ text: some Sequence<UInt8>, _ format: ReceiptFileFormat, _ fixture: ConsentFixture
  ) async throws -> Work {
    try await withTemporaryDirectory { directory async throws in
      let file = directory.appending(path: "receipts")
      try Data(text).write(to: file)
      let rejects = directory.appending(path: "rejects.tsv")
      let outcome = try await ReceiptImport(
        file.path, format: format, rejects: ImportRejects(path: rejects.path)
      ).run(fixture.client)
      let text = FileManager.default.contents(atPath: rejects.path)
      if text != nil {
        let mode =
          try FileManager.default.attributesOfItem(atPath: rejects.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
      }
      return Work(outcome: outcome, rejects: text.map { String(decoding: $0, as: UTF8.self) })
    }
  }

  private func document(_ number: UInt64) throws -> ReceiptDocument {
    try ReceiptDocument(json: Example.line(number).utf8)
  }

  @Test(
    "every format is read, whole, and again adds nothing", arguments: ReceiptFileFormat.allCases)
  func formats(format: ReceiptFileFormat) async throws {
    let documents = try (UInt64(1)...50).map { try document($0) }
    let text =
      switch format {
      case .csv: CSVReceiptWriter.header + documents.map(CSVReceiptWriter.row).joined()
      case .jsonLines: documents.map { $0.jsonLine + "\n" }.joined()
      case .seedJSON: "[" + documents.map(\.jsonLine).joined(separator: " ,\n\n ") + "]\n"
      }
    try await ConsentFixture.run { fixture async throws in
      let first = try await importing(text.utf8, format, fixture)
      #expect(first.outcome.accepted == 50 && first.outcome.rejected == 0)
      #expect(first.rejects == nil)
      #expect(try await fixture.exported() == documents.map(\.jsonLine))
      let again = try await importing(text.utf8, format, fixture)
      #expect(again.outcome.accepted == 0 && again.outcome.duplicates == 50)
    }
  }

  @Test("what is refused is listed with its line, the reason and its text; the rest is recorded")
  func jsonLines() async throws {
    let unknown = Example.line(2, scopes: "\"telepathy\"")
    let lines = [
      Example.line(1), "{", "", unknown, "\tann@example.com\t", Example.line(3) + "\r",
      Example.line(1, person: 9),
    ]
    try await ConsentFixture.run { fixture async throws in
      let work = try await importing((lines.joined(separator: "\n")).utf8, .jsonLines, fixture)
      #expect(work.outcome.accepted == 2 && work.outcome.rejected == 4)
      #expect(work.outcome.lastLine == 7)
      let rows = try #require(work.rejects).split(separator: "\n", omittingEmptySubsequences: false)
        .map { $0.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false) }
      #expect(rows.map { $0.first ?? "" } == ["line", "2", "4", "5", "7", ""])
      #expect(
        rows[1...4].map { $0[2] } == ["{", unknown[...], "\tann@example.com\t", lines[6][...]])
      for (row, word) in zip(rows[1...4], ["expected", "telepathy", "expected", "another content"])
      {
        #expect(row[1].contains(word), "\(row[1])")
        #expect(!row[1].contains("ann"))
      }
    }
  }

  @Test("the texts of refused CSV rows, with the header above them, are a file to be mended")
  func csv() async throws {
    let good = try CSVReceiptWriter.row(document(1))
    let wrong = try CSVReceiptWriter.row(document(2)).replacing("product_recs", with: "telepathy")
    let quoted = try CSVReceiptWriter.row(document(3))
      .replacing("web-portal:v2", with: "\"call\n, \"\"one\"\"\"")
    let text = "\u{FEFF}" + CSVReceiptWriter.header + good + wrong + quoted + "x,y\r\n"
    try await ConsentFixture.run { fixture async throws in
      let work = try await importing(text.utf8, .csv, fixture)
      #expect(work.outcome.accepted == 1 && work.outcome.rejected == 3)
      let list = try #require(work.rejects)
      #expect(list.hasPrefix("line\treason\t" + CSVReceiptWriter.header.dropLast() + "\n3\t"))
      #expect(list.contains("\n4-5\t"))
      // What `cut -f3-` does: a line without a tab stays.
      let cut = list.split(separator: "\n").map { line in
        let parts = line.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
        return parts.count == 3 ? String(parts[2]) : String(line)
      }.joined(separator: "\n")
      let mended = cut.replacing("telepathy", with: "product_recs")
        .replacing("call\n", with: "call")
      let again = try await importing(mended.utf8, .csv, fixture)
      #expect(again.outcome.accepted == 2 && again.outcome.rejected == 1)
    }
  }

  @Test("receipts of a JSON list on one line are told apart")
  func seedJSON() async throws {
    let unknown = Example.line(2, scopes: "\"telepathy\"")
    let list = "[\(Example.line(1)),\(unknown),\(Example.line(3)) oops\n,{\n}]"
    try await ConsentFixture.run { fixture async throws in
      let work = try await importing(list.utf8, .seedJSON, fixture)
      #expect(work.outcome.accepted == 2 && work.outcome.rejected == 3)
      let rejects = try #require(work.rejects)
      #expect(rejects.contains(unknown))
      #expect(rejects.contains("\toops\n"))
      #expect(rejects.contains("2-3\tthe field consent_id is missing\t{\n}\n"), "\(rejects)")
    }
  }

  @Test("bytes that are not UTF-8 come back as they are")
  func notUTF8() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await withTemporaryDirectory { directory async throws in
        let file = directory.appending(path: "receipts.jsonl")
        let line = Array("{\"consent_id\":\"".utf8) + [0xC3, 0x28] + Array("\"}".utf8)
        try Data(line + [0x0A]).write(to: file)
        let rejects = directory.appending(path: "rejects.tsv")
        _ = try await ReceiptImport(
          file.path, format: .jsonLines, rejects: ImportRejects(path: rejects.path)
        ).run(fixture.client)
        let list = try Data(contentsOf: rejects)
        #expect(list.suffix(line.count + 1) == Data(line + [0x0A]))
      }
    }
  }

  @Test("a CSV file without the columns is refused as a whole, and so is what is no such file")
  func noFile() async throws {
    try await ConsentFixture.run { fixture async throws in
      await #expect(throws: CommandFailure.self) {
        _ = try await importing("a,b\n1,2\n".utf8, .csv, fixture)
      }
      await #expect(throws: CommandFailure.self) {
        _ = try await importing(
          Array(repeating: UInt8(ascii: "x"), count: 4 << 20), .jsonLines, fixture)
      }
    }
  }

  @Test("more receipts than a chunk takes come in order, whatever was refused among them")
  func manyChunks() async throws {
    let count = UInt64(ReceiptImport.chunkReceiptCount) + 500
    let text = (1...count).map { number in
      (number % 1_000 == 7 ? "{" : Example.line(number)) + "\n"
    }.joined()
    try await ConsentFixture.run { fixture async throws in
      let work = try await importing(text.utf8, .jsonLines, fixture)
      let refused = (1...count).filter { $0 % 1_000 == 7 }
      #expect(work.outcome.accepted == count - UInt64(refused.count))
      #expect(work.outcome.lastLine == Int(count))
      let lines = try #require(work.rejects).split(separator: "\n").dropFirst()
        .compactMap { UInt64($0.prefix { $0 != "\t" }) }
      #expect(lines == refused)
    }
  }

  @Test(
    "a format is guessed only where the name leaves no doubt",
    arguments: [
      ("a.jsonl", ReceiptFileFormat.jsonLines), ("x/a.b.ndjson", .jsonLines), ("a.json", .seedJSON),
      ("a.csv", .csv), ("a.csv.gz", .csv), ("a.txt", nil), ("-", nil), ("csv", nil), ("a.gz", nil),
      ("a.CSV", nil),
    ] as [(String, ReceiptFileFormat?)])
  func guess(name: String, format: ReceiptFileFormat?) {
    #expect(ReceiptFileFormat(certainOf: name) == format)
  }
}
