internal import PrivacyCore

/// Reads receipts in the JSON form, one a line, from chunks that may end anywhere.
///
/// Lines end with LF or CRLF; the last one may end with the file. Holds one line at a time.
package struct JSONLinesReceiptReader: Sendable {
  private var pending: [UInt8] = []
  private var line = 1
  /// How much came in before the chunk in hand, and before the line in hand.
  private var offset = 0
  private var lineOffset = 0
  /// The line in hand is too long: its rest is passed over.
  private var isSkipping = false

  /// A reader at the beginning of a file.
  package init() {}

  /// The lines that end within `chunk`, in order.
  package mutating func read(_ chunk: some Collection<UInt8>) -> [ReceiptRow] {
    let bytes = Array(chunk)
    var rows: [ReceiptRow] = []
    var start = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      if pending.isEmpty, !isSkipping {
        rows.append(endLine(bytes[start..<end], at: offset + end + 1))
      } else {
        append(bytes[start..<end])
        rows.append(endPending(at: offset + end + 1))
      }
      start = end + 1
    }
    append(bytes[start...])
    offset += bytes.count
    return rows
  }

  /// The last line, where no line feed ended it; the reader is done then.
  package mutating func finish() -> [ReceiptRow] {
    pending.isEmpty && !isSkipping ? [] : [endPending(at: offset)]
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

  private mutating func endPending(at end: Int) -> ReceiptRow {
    var text: [UInt8] = []
    swap(&text, &pending)
    return endLine(text[...], at: end)
  }

  private mutating func endLine(_ bytes: ArraySlice<UInt8>, at end: Int) -> ReceiptRow {
    defer {
      isSkipping = false
      line += 1
      lineOffset = end
    }
    do throws(FormatFault) {
      if isSkipping {
        throw FormatFault(.lineTooLong(byteCountMax: ReceiptLimits.lineByteCountMax))
      }
      let text = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
      if text.isEmpty { throw FormatFault(.emptyLine) }
      return ReceiptRow(
        line: line, bytes: lineOffset..<end,
        outcome: .success(try ReceiptDocument(jsonLine: text)))
    } catch {
      return ReceiptRow(
        line: line, bytes: lineOffset..<end, outcome: .failure(error.onLine(line)))
    }
  }
}
