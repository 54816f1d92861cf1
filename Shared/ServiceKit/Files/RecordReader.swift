/// One row of an export: its line number and its cells, in the order of the columns.
package struct SourceRecord: Sendable {
  /// The number of the row's first line in the file, from 1.
  package let line: Int
  /// The cells, or why the row cannot be read.
  package let cells: Result<[String], RowRefusal>

  package init(line: Int, cells: Result<[String], RowRefusal>) {
    self.line = line
    self.cells = cells
  }
}

/// Why one row is not taken. Never holds a value of the row.
package struct RowRefusal: Error, Hashable, Sendable {
  /// The reason, as it stands in a list of refused lines.
  package let reason: String

  package init(_ reason: String) { self.reason = reason }
}

/// The rows of one file, one after the other.
package protocol RecordReader {
  /// The names of the columns.
  var columns: [String] { get }

  /// The next row, or `nil` at the end of the file.
  mutating func next() throws -> SourceRecord?
}
