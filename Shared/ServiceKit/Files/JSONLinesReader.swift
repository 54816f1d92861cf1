internal import Foundation

/// Reads one flat JSON object a line. Numbers and truth values become their text, null and missing
/// members an empty cell. A line that is no such object is handed out as a refusal.
package struct JSONLinesReader: RecordReader {
  package let columns: [String]

  private var scanner: LineScanner

  /// Reads the members `columns` of each line of `source`.
  package init(_ source: ByteSource, columns: [String]) {
    scanner = LineScanner(source)
    self.columns = columns
  }

  package mutating func next() throws -> SourceRecord? {
    switch try scanner.next() {
    case nil: nil
    case .tooLong:
      SourceRecord(line: scanner.number, cells: .failure(RowRefusal("a line of more than 1 MiB")))
    case .bytes(let bytes): SourceRecord(line: scanner.number, cells: cells(of: bytes))
    }
  }

  private func cells(of bytes: ArraySlice<UInt8>) -> Result<[String], RowRefusal> {
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
