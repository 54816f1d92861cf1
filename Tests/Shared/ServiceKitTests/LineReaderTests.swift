internal import Foundation
internal import ServiceKit
internal import TestSupport
internal import Testing

@Suite("Reading lines")
struct LineReaderTests {
  private static let lineByteCountMax = 1 << 20

  private func lines(
    _ bytes: [UInt8], countMax: Int = 1_000, byteCountMax: Int = 8 << 20
  ) throws -> [[LineReader.Line]] {
    try withFile("lines.txt", bytes) { path in
      var reader = try LineReader(path: path)
      var groups: [[LineReader.Line]] = []
      while let group = try reader.next(countMax: countMax, byteCountMax: byteCountMax) {
        groups.append(group)
      }
      return groups
    }
  }

  @Test("lines have their numbers, with LF and CRLF, and empty ones are passed over")
  func numbers() throws {
    let read = try lines(Array("one\r\n\n  \nfour\nfive".utf8)).flatMap { $0 }
    #expect(read.map(\.number) == [1, 4, 5])
    #expect(read.map(\.text) == ["one", "four", "five"])
  }

  @Test("the last line needs no end, and an empty file has no lines")
  func ends() throws {
    #expect(try lines(Array("a\nb".utf8)).flatMap { $0 }.map(\.text) == ["a", "b"])
    #expect(try lines(Array("a\nb\n".utf8)).flatMap { $0 }.map(\.text) == ["a", "b"])
    #expect(try lines([]).isEmpty)
    #expect(try lines(Array("\n\r\n".utf8)).isEmpty)
  }

  @Test("what is not UTF-8 is replaced, so that whoever takes the line can refuse it")
  func notUTF8() throws {
    let read = try lines([0x61, 0xFF, 0x62, 0x0A, 0x63]).flatMap { $0 }
    #expect(read.map(\.text) == ["a\u{FFFD}b", "c"])
  }

  @Test("a line of 1 MiB is read, whatever ends it", arguments: ["", "\n", "\r\n", "\nb\n"])
  func longestLine(end: String) throws {
    let long = [UInt8](repeating: 0x61, count: Self.lineByteCountMax)
    let read = try lines(long + Array(end.utf8)).flatMap { $0 }
    #expect(read.first?.text.utf8.count == Self.lineByteCountMax)
  }

  @Test(
    "a line of more than 1 MiB is refused with its number",
    arguments: [lineByteCountMax + 1, 3 * lineByteCountMax], ["", "\n", "\nb\n"])
  func tooLongLine(byteCount: Int, end: String) throws {
    let long = Array("a\n".utf8) + [UInt8](repeating: 0x61, count: byteCount) + Array(end.utf8)
    let failure = #expect(throws: CommandFailure.self) { try lines(long) }
    #expect(failure?.description.hasPrefix("line 2 is longer than 1048576 bytes") == true)
  }

  @Test("a group ends with its count, or behind the line that brings it to its bytes")
  func groups() throws {
    let five = Array("aa\nbb\ncc\ndd\nee\n".utf8)
    #expect(try lines(five, countMax: 2).map(\.count) == [2, 2, 1])
    #expect(try lines(five, byteCountMax: 3).map(\.count) == [2, 2, 1])
    #expect(try lines(five, byteCountMax: 4).map(\.count) == [2, 2, 1])
    #expect(try lines(five, byteCountMax: 5).map(\.count) == [3, 2])
  }

  @Test("a file that is not there is named")
  func missing() {
    let failure = #expect(throws: CommandFailure.self) { try LineReader(path: "/no/such/file") }
    #expect(failure?.description == "cannot read /no/such/file")
  }

  @Test("a compressed file is decompressed, and how far it is nobody knows")
  func compressed() throws {
    try withFile("lines.txt.gz", try gzip("one\ntwo\n")) { path in
      var reader = try LineReader(path: path)
      #expect(try reader.next(countMax: 10, byteCountMax: 100)?.map(\.text) == ["one", "two"])
      #expect(try reader.next(countMax: 10, byteCountMax: 100) == nil)
      #expect(reader.fraction == nil)
    }
  }

  @Test("a compressed file that is cut off or none at all fails at its end", arguments: [12, 30])
  func damaged(byteCount: Int) throws {
    let whole = try gzip(String(repeating: "a line like any other\n", count: 100))
    try withFile("lines.txt.gz", Array(whole.prefix(byteCount))) { path in
      var reader = try LineReader(path: path)
      let failure = #expect(throws: CommandFailure.self) {
        while try reader.next(countMax: 10, byteCountMax: 1_000) != nil {}
      }
      #expect(failure?.description == "gzip cannot read \(path): it is damaged or cut off")
    }
  }

  @Test("the fraction reaches 1 with the last line")
  func fraction() throws {
    try withFile("lines.txt", Array("a\nb\n".utf8)) { path in
      var reader = try LineReader(path: path)
      #expect(reader.fraction == 0)
      _ = try reader.next(countMax: 10, byteCountMax: 100)
      #expect(reader.fraction == 1)
    }
  }
}

@Suite("Reading JSON lines")
struct JSONLinesReaderTests {
  private func cells(_ text: String) throws -> [String] {
    try withFile("rows.jsonl", Array(text.utf8)) { path in
      var reader = JSONLinesReader(try ByteSource(path: path), columns: ["a", "b"])
      var rows: [String] = []
      while let record = try reader.next() {
        switch record.cells {
        case .success(let cells): rows.append("\(record.line) \(cells.joined(separator: "|"))")
        case .failure(let refusal): rows.append("\(record.line) ! \(refusal.reason)")
        }
      }
      return rows
    }
  }

  @Test("members become cells, what is missing or null an empty one")
  func members() throws {
    #expect(
      try cells("{\"a\":\"x\",\"b\":1.5}\n\n{\"b\":true,\"c\":1}\n{\"a\":null}")
        == ["1 x|1.5", "3 |1", "4 |"])
  }

  @Test("a line that is no flat object is refused and reading goes on")
  func refused() throws {
    #expect(
      try cells("[1]\n{\"a\":[1]}\n{\"a\":\n{\"a\":\"y\"}\n")
        == [
          "1 ! not a JSON object", "2 ! a is a list or an object", "3 ! not a JSON object", "4 y|",
        ])
  }

  @Test("a line of more than 1 MiB is refused and reading goes on")
  func tooLong() throws {
    let long = "{\"a\":\"" + String(repeating: "x", count: 3 << 20) + "\"}\n"
    #expect(try cells(long + "{\"a\":\"y\"}") == ["1 ! a line of more than 1 MiB", "2 y|"])
  }
}

/// Runs `body` with the path of a file that holds `bytes`.
func withFile<Result>(
  _ name: String, _ bytes: [UInt8], _ body: (String) throws -> Result
) throws -> Result {
  let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: directory) }
  let file = directory.appending(path: name)
  try Data(bytes).write(to: file)
  return try body(file.path)
}

/// `text` as gzip(1) compresses it.
private func gzip(_ text: String) throws -> [UInt8] {
  try withFile("plain", Array(text.utf8)) { path in
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["gzip", "--stdout", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let compressed = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return [UInt8](compressed)
  }
}
