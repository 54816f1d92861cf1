internal import Foundation

/// Reads one flat JSON object a line. Numbers and truth values become their text, null and missing
/// members an empty cell. A line that is no such object is handed out as a refusal.
package struct JSONLinesReader: RecordReader {
  /// The longest line in bytes.
  package static let lineByteCountMax = 1 << 20

  package let columns: [String]

  private let source: ByteSource
  private var buffer: [UInt8] = []
  private var position = 0
  private var line = 0
  private var isAtEnd = false

  /// Reads the members `columns` of each line of `source`.
  package init(_ source: ByteSource, columns: [String]) {
    self.source = source
    self.columns = columns
  }

  package mutating func next() throws -> SourceRecord? {
    while let bytes = try nextLine() {
      line += 1
      if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0D }) { continue }
      return SourceRecord(line: line, cells: cells(of: bytes))
    }
    return nil
  }

  private mutating func nextLine() throws -> ArraySlice<UInt8>? {
    var searched = position
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0A) {
        defer { position = end + 1 }
        return buffer[position..<end]
      }
      guard !isAtEnd else {
        defer { position = buffer.count }
        return position < buffer.count ? buffer[position...] : nil
      }
      buffer.removeSubrange(..<position)
      position = 0
      searched = buffer.count
      if let chunk = try source.next() { buffer.append(contentsOf: chunk) } else { isAtEnd = true }
    }
  }

  private func cells(of bytes: ArraySlice<UInt8>) -> Result<[String], RowRefusal> {
    guard bytes.count <= Self.lineByteCountMax else {
      return .failure(RowRefusal("a line of more than 1 MiB"))
    }
    guard let value = try? JSONSerialization.jsonObject(with: Data(bytes)),
      let object = value as? [String: Any]
    else { return .failure(RowRefusal("not a JSON object")) }
    var cells: [String] = []
    for column in columns {
      switch object[column] {
      case nil, is NSNull: cells.append("")
      case let text as String: cells.append(text)
      case let number as NSNumber: cells.append(number.stringValue)
      default: return .failure(RowRefusal("\(column) is a list or an object"))
      }
    }
    return .success(cells)
  }
}
