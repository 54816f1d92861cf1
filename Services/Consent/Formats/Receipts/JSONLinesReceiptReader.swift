/// Reads receipts in the JSON form, one a line, from chunks that may end anywhere.
///
/// Lines end with LF or CRLF; the last one may end with the file. Holds one line at a time.
package struct JSONLinesReceiptReader: Sendable {
  private var pending: [UInt8] = []
  private var line = 1
  /// The line in hand is too long: its rest is passed over.
  private var isSkipping = false

  /// A reader at the beginning of a file.
  package init() {}

  /// The lines that end within `chunk`, in order.
  package mutating func read(_ chunk: some Collection<UInt8>) -> [ReceiptRow] {
    var rows: [ReceiptRow] = []
    var rest = Array(chunk)[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      append(rest[..<end])
      rows.append(endLine())
      rest = rest[(end + 1)...]
    }
    append(rest)
    return rows
  }

  /// The last line, where no line feed ended it; the reader is done then.
  package mutating func finish() -> [ReceiptRow] {
    pending.isEmpty && !isSkipping ? [] : [endLine()]
  }

  private mutating func append(_ bytes: ArraySlice<UInt8>) {
    // One byte over: the carriage return of a line that is just short enough.
    if !isSkipping, pending.count + bytes.count <= ReceiptLimits.lineByteCountMax + 1 {
      pending.append(contentsOf: bytes)
    } else {
      isSkipping = true
      pending.removeAll(keepingCapacity: true)
    }
  }

  private mutating func endLine() -> ReceiptRow {
    defer {
      pending.removeAll(keepingCapacity: true)
      isSkipping = false
      line += 1
    }
    do throws(FormatFault) {
      if isSkipping {
        throw FormatFault(.lineTooLong(byteCountMax: ReceiptLimits.lineByteCountMax))
      }
      let text = pending.last == UInt8(ascii: "\r") ? pending.dropLast() : pending[...]
      if text.isEmpty { throw FormatFault(.emptyLine) }
      return ReceiptRow(line: line, outcome: .success(try ReceiptDocument(jsonLine: text)))
    } catch {
      return ReceiptRow(line: line, outcome: .failure(error.onLine(line)))
    }
  }
}
