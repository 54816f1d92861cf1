internal import PrivacyCore

/// Reads receipts from a CSV file (RFC 4180) in chunks that may end anywhere.
///
/// The first line names the columns; a byte order mark may stand before it. A row that is wrong
/// is told as such and the next one is read; a wrong header line ends it all. Holds one record at
/// a time.
package struct CSVReceiptReader: Sendable {
  private enum Phase: Sendable {
    /// The first bytes, until it is known whether they are a byte order mark.
    case head([UInt8])
    case header
    case rows([CSVField])
    case failed(FormatFault)
  }

  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Where the header line stands in what was read, with its line end; `nil` until it was read.
  package private(set) var header: Range<Int>?
  private var phase = Phase.head([])
  private var records = CSVRecords()

  /// A reader at the beginning of a file.
  package init() {}

  /// The rows that end within `chunk`, in order.
  ///
  /// - Throws: What is wrong with the header line, from now on with each call.
  package mutating func read(_ chunk: some Collection<UInt8>) throws(FormatFault) -> [ReceiptRow] {
    var bytes = Array(chunk)[...]
    if case .head(let head) = phase {
      let start = head + bytes
      guard start.count >= Self.byteOrderMark.count else {
        phase = .head(start)
        return []
      }
      let hasMark = start.starts(with: Self.byteOrderMark)
      bytes = hasMark ? start.dropFirst(3) : start[...]
      if hasMark { records.skip(3) }
      phase = .header
    }
    var rows: [ReceiptRow] = []
    var records = records
    self.records = CSVRecords()
    defer { self.records = records }
    try records.read(bytes) { record throws(FormatFault) in
      if let row = try take(record) { rows.append(row) }
    }
    return rows
  }

  /// The last row, where no line end closed it; the reader is done then.
  ///
  /// - Throws: What is wrong with the header line, also that there is none.
  package mutating func finish() throws(FormatFault) -> [ReceiptRow] {
    var rows: [ReceiptRow] = []
    var records = records
    self.records = CSVRecords()
    var rest: [UInt8] = []
    if case .head(let head) = phase {
      rest = head
      phase = .header
    }
    try records.read(rest[...]) { record throws(FormatFault) in
      if let row = try take(record) { rows.append(row) }
    }
    try records.finish { record throws(FormatFault) in
      if let row = try take(record) { rows.append(row) }
    }
    switch phase {
    case .rows: return rows
    case .failed(let fault): throw fault
    case .head, .header:
      let fault = FormatFault(.noHeader)
      phase = .failed(fault)
      throw fault
    }
  }

  /// The row of a record; `nil` for the header line.
  private mutating func take(_ record: CSVRecords.Record) throws(FormatFault) -> ReceiptRow? {
    switch phase {
    case .rows(let columns): return Self.row(record, columns)
    case .failed(let fault): throw fault
    case .head, .header:
      do throws(FormatFault.Reason) {
        phase = .rows(try Self.columns(record))
        header = record.place
        return nil
      } catch {
        let fault = FormatFault(error, line: record.line)
        phase = .failed(fault)
        throw fault
      }
    }
  }

  private static func columns(
    _ record: CSVRecords.Record
  ) throws(FormatFault.Reason) -> [CSVField] {
    if let fault = record.fault { throw fault }
    guard record.ends.count <= ReceiptLimits.columnCountMax else {
      throw .tooManyColumns(countMax: ReceiptLimits.columnCountMax)
    }
    var columns: [CSVField] = []
    for index in record.ends.indices {
      guard let name = String(validating: record.cell(index), as: UTF8.self) else { throw .notUTF8 }
      guard let field = CSVField(rawValue: name) else {
        throw .unknownField(NameRule.accepts(name) ? name : nil)
      }
      guard !columns.contains(field) else { throw .repeatedField(name) }
      columns.append(field)
    }
    for field in CSVField.required where !columns.contains(field) {
      throw .missingField(field.rawValue)
    }
    return columns
  }

  private static func row(_ record: CSVRecords.Record, _ columns: [CSVField]) -> ReceiptRow {
    do throws(FormatFault.Reason) {
      if let fault = record.fault { throw fault }
      guard record.ends.count == columns.count else {
        throw .cellCount(found: record.ends.count, expected: columns.count)
      }
      var builder = ReceiptBuilder()
      // An empty cell is an empty list, and an empty source, which some kinds may have.
      builder.scopes = []
      builder.source = ""
      for (index, field) in columns.enumerated() { try builder.set(field, to: record.cell(index)) }
      return ReceiptRow(
        line: record.line, bytes: record.place, outcome: .success(try builder.document()))
    } catch {
      return ReceiptRow(
        line: record.line, bytes: record.place,
        outcome: .failure(FormatFault(error, line: record.line)))
    }
  }
}
