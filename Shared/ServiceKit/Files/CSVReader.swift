internal import Foundation

/// Reads CSV as RFC 4180 has it: quoted cells with doubled quotes and line feeds inside, LF or
/// CRLF, a header line. A row that is not well-formed is handed out as a refusal and reading goes
/// on behind it.
package struct CSVReader: RecordReader {
  /// The longest row in bytes; a quote that is never closed ends here.
  package static let rowByteCountMax = 1 << 20

  package private(set) var columns: [String] = []

  private let source: ByteSource
  private let delimiter: UInt8
  private var buffer: [UInt8] = []
  private var position = 0
  private var line = 1
  private var isAtEnd = false

  /// Reads the header of `source`.
  ///
  /// - Parameter delimiter: one ASCII character: `,`, `;` or a tabulator.
  package init(_ source: ByteSource, delimiter: UInt8 = UInt8(ascii: ",")) throws {
    self.source = source
    self.delimiter = delimiter
    guard let header = try nextRow() else { throw RowRefusal("the file is empty") }
    var names = try header.cells.get()
    if names[0].hasPrefix("\u{FEFF}") { names[0].removeFirst() }
    guard Set(names).count == names.count, !names.contains("") else {
      throw RowRefusal("the header names a column twice or not at all")
    }
    columns = names
  }

  package mutating func next() throws -> SourceRecord? {
    guard let record = try nextRow() else { return nil }
    guard case .success(let cells) = record.cells, cells.count != columns.count else {
      return record
    }
    return SourceRecord(
      line: record.line,
      cells: .failure(RowRefusal("\(cells.count) cells, the header has \(columns.count)")))
  }

  private mutating func nextRow() throws -> SourceRecord? {
    while true {
      let start = position
      let firstLine = line
      if let record = try row(from: start, line: firstLine) { return record }
      // The buffer ends inside the row: take more and read the row again.
      guard !isAtEnd else {
        if start >= buffer.count { return nil }
        let refusal = RowRefusal("a quoted cell is never closed")
        position = buffer.count
        return SourceRecord(line: firstLine, cells: .failure(refusal))
      }
      guard buffer.count - start <= Self.rowByteCountMax else {
        return skipLine(from: start, line: firstLine, RowRefusal("a row of more than 1 MiB"))
      }
      position = start
      line = firstLine
      try refill()
    }
  }

  private mutating func refill() throws {
    buffer.removeSubrange(..<position)
    position = 0
    if let chunk = try source.next() { buffer.append(contentsOf: chunk) } else { isAtEnd = true }
  }

  /// The row that begins at `start`; `nil` where the buffer ends before the row does.
  private mutating func row(from start: Int, line firstLine: Int) throws -> SourceRecord? {
    var cells: [String] = []
    cells.reserveCapacity(columns.count)
    var index = start
    var lineCount = 0
    var refusal: RowRefusal?
    rowLoop: while true {
      var cell: String?
      if index < buffer.count, buffer[index] == UInt8(ascii: "\"") {
        guard let (text, end, feeds) = quotedCell(from: index) else { return nil }
        cell = text
        index = end
        lineCount += feeds
      } else {
        let begin = index
        while index < buffer.count, buffer[index] != delimiter, buffer[index] != 0x0A { index += 1 }
        if index == buffer.count, !isAtEnd { return nil }
        var end = index
        if end > begin, buffer[end - 1] == 0x0D, index == buffer.count || buffer[index] == 0x0A {
          end -= 1
        }
        cell = String(validating: buffer[begin..<end], as: UTF8.self)
      }
      if let cell { cells.append(cell) } else { refusal = RowRefusal("a cell is not UTF-8") }
      if index >= buffer.count {
        guard isAtEnd else { return nil }
        if index == start { return nil }
        break rowLoop
      }
      switch buffer[index] {
      case delimiter: index += 1
      case 0x0A:
        index += 1
        lineCount += 1
        break rowLoop
      case 0x0D where index + 1 < buffer.count && buffer[index + 1] == 0x0A:
        index += 2
        lineCount += 1
        break rowLoop
      case 0x0D where index + 1 == buffer.count && !isAtEnd: return nil
      default:
        return skipLine(from: start, line: firstLine, RowRefusal("text behind a closing quote"))
      }
    }
    position = index
    line = firstLine + max(lineCount, 1)
    return SourceRecord(line: firstLine, cells: refusal.map { .failure($0) } ?? .success(cells))
  }

  /// The text of the quoted cell at `start`, the index behind its closing quote and the line feeds
  /// in it; `nil` where the buffer ends first.
  private func quotedCell(from start: Int) -> (text: String?, end: Int, lineFeeds: Int)? {
    var bytes: [UInt8] = []
    var lineFeeds = 0
    var index = start + 1
    while index < buffer.count {
      let byte = buffer[index]
      if byte == UInt8(ascii: "\"") {
        if index + 1 < buffer.count {
          guard buffer[index + 1] == UInt8(ascii: "\"") else {
            return (String(validating: bytes, as: UTF8.self), index + 1, lineFeeds)
          }
          index += 1
        } else {
          return isAtEnd ? (String(validating: bytes, as: UTF8.self), index + 1, lineFeeds) : nil
        }
      }
      if byte == 0x0A { lineFeeds += 1 }
      bytes.append(byte)
      index += 1
    }
    return nil
  }

  /// Passes over the rest of a line that is refused.
  private mutating func skipLine(
    from start: Int, line firstLine: Int, _ refusal: RowRefusal
  ) -> SourceRecord {
    let end = buffer[start...].firstIndex(of: 0x0A).map { $0 + 1 } ?? buffer.count
    position = end
    line = firstLine + 1
    return SourceRecord(line: firstLine, cells: .failure(refusal))
  }
}
