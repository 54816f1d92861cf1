internal import Foundation
internal import ServiceKit
internal import TestSupport
internal import Testing

@Suite("Reading CSV")
struct CSVReaderTests {
  private func rows(_ text: String, delimiter: Character = ",") async throws -> [String] {
    try await withTemporaryDirectory { directory in
      let file = directory.appending(path: "rows.csv")
      try Data(text.utf8).write(to: file)
      var reader = try CSVReader(
        try ByteSource(file), delimiter: delimiter.asciiValue ?? UInt8(ascii: ","))
      var rows = [reader.columns.joined(separator: "|")]
      while let record = try reader.next() {
        switch record.cells {
        case .success(let cells): rows.append("\(record.line) \(cells.joined(separator: "|"))")
        case .failure(let refusal): rows.append("\(record.line) ! \(refusal.reason)")
        }
      }
      return rows
    }
  }

  @Test("cells, quoted cells, doubled quotes and line feeds inside are read")
  func wellFormed() async throws {
    let read = try await rows("a,b\n1,2\n\"x,y\",\"say \"\"hi\"\"\"\n\"two\nlines\",3\r\nlast,")
    #expect(read == ["a|b", "2 1|2", "3 x,y|say \"hi\"", "4 two\nlines|3", "6 last|"])
  }

  @Test("another delimiter is taken")
  func delimiter() async throws {
    #expect(try await rows("a;b\n1;2\n", delimiter: ";") == ["a|b", "2 1|2"])
  }

  @Test("a row with too many or too few cells is refused and reading goes on")
  func cellCount() async throws {
    let read = try await rows("a,b\n1\n1,2,3\n4,5\n")
    #expect(
      read == ["a|b", "2 ! 1 cells, the header has 2", "3 ! 3 cells, the header has 2", "4 4|5"])
  }

  @Test("text behind a closing quote is refused, the next row is read")
  func textBehindQuote() async throws {
    #expect(
      try await rows("a\n\"x\"y\nok\n") == ["a", "2 ! text behind a closing quote", "3 ok"])
  }

  @Test("a quote that is never closed is refused")
  func openQuote() async throws {
    #expect(try await rows("a\n\"x\n") == ["a", "2 ! a quoted cell is never closed"])
  }

  @Test("an empty file and a header that names a column twice are refused")
  func badHeader() async throws {
    await #expect(throws: RowRefusal.self) { try await rows("") }
    await #expect(throws: RowRefusal.self) { try await rows("a,a\n1,2\n") }
  }
}
