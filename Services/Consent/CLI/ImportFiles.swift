internal import ConsentAPI
internal import Foundation
internal import ServiceKit
internal import Synchronization

/// Reads a file as chunks of lines, with the number of the first.
struct LineReader {
  /// How much is read at a time.
  private static let readByteCountMax = 256 << 10
  /// No further line is put into a chunk of so many bytes: a message has its limit.
  private static let chunkByteCountMax = 1 << 20
  /// How many lines a chunk may have.
  private static let chunkLineCount = 2_000

  private let handle: FileHandle
  private var rest: [UInt8] = []
  private var lines: [(number: UInt64, text: String)] = []
  private var lineNumber: UInt64 = 0
  private var isAtEnd = false

  /// The file's size; 0 where it is not known.
  let byteCount: Int
  /// How much of it has been read.
  private(set) var readByteCount = 0

  /// Opens a file; `-` is standard input.
  init(path: String) throws {
    if path == "-" {
      handle = .standardInput
      byteCount = 0
      return
    }
    guard let opened = FileHandle(forReadingAtPath: path) else {
      throw CommandFailure("the file \(path) cannot be read")
    }
    handle = opened
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    byteCount = (attributes?[.size] as? Int) ?? 0
  }

  /// The next lines that stand directly below each other; `nil` at the end.
  mutating func nextChunk() throws -> ImportChunk? {
    while lines.count < Self.chunkLineCount, !isAtEnd { try readMore() }
    guard let first = lines.first else { return nil }
    var count = 0
    var byteCount = 0
    while count < min(lines.count, Self.chunkLineCount), byteCount < Self.chunkByteCountMax,
      lines[count].number == first.number + UInt64(count)
    {
      byteCount += lines[count].text.utf8.count
      count += 1
    }
    defer { lines.removeFirst(count) }
    return ImportChunk(firstLine: first.number, lines: lines[..<count].map(\.text))
  }

  private mutating func readMore() throws {
    guard let data = try handle.read(upToCount: Self.readByteCountMax), !data.isEmpty else {
      isAtEnd = true
      if !rest.isEmpty { append(rest[...]) }
      rest = []
      return
    }
    readByteCount += data.count
    rest.append(contentsOf: data)
    var start = 0
    while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
      append(rest[start..<end])
      start = end + 1
    }
    rest.removeFirst(start)
    guard rest.count <= Self.lineByteCountMax else {
      throw CommandFailure(
        "line \(lineNumber + 1) is longer than \(Self.lineByteCountMax) bytes; is this a file of JSON lines?")
    }
  }

  /// The service refuses long lines one by one; what has no line ends at all is refused here.
  private static let lineByteCountMax = 1 << 20

  private mutating func append(_ bytes: ArraySlice<UInt8>) {
    lineNumber += 1
    let line = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
    // What is not UTF-8 becomes a line that the service refuses.
    if !line.isEmpty { lines.append((lineNumber, String(decoding: line, as: UTF8.self))) }
  }
}

/// Lists refused lines in a file of their own, which is only made where there are any.
final class RejectList: Sendable {
  private let path: String
  private let handle = Mutex<FileHandle?>(nil)

  init(path: String) { self.path = path }

  /// Whether nothing was refused.
  var isEmpty: Bool { handle.withLock { $0 == nil } }

  /// Adds lines: number, tabulator, reason.
  func add(_ rejects: [ImportReject]) throws {
    guard !rejects.isEmpty else { return }
    let text = rejects.map { "\($0.line)\t\($0.reason)\n" }.joined()
    try handle.withLock { handle in
      let open = try handle ?? create()
      try open.write(contentsOf: Data(text.utf8))
      handle = open
    }
  }

  private func create() throws -> FileHandle {
    guard FileManager.default.createFile(atPath: path, contents: Data("line\treason\n".utf8)),
      let handle = FileHandle(forWritingAtPath: path)
    else { throw CommandFailure("the list of refused lines cannot be written to \(path)") }
    try handle.seekToEnd()
    return handle
  }
}
