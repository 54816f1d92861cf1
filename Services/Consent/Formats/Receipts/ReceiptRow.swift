/// One line of a file of receipts, read.
package struct ReceiptRow: Sendable {
  /// The line it begins on, from 1.
  package let line: Int
  /// Where it stands in what was read so far, with its line end.
  package let bytes: Range<Int>
  /// The receipt, or why there is none; the lines after it are read all the same.
  package let outcome: Result<ReceiptDocument, FormatFault>

  /// Whether there is nothing on the line.
  package var isEmpty: Bool {
    if case .failure(let fault) = outcome { fault.reason == .emptyLine } else { false }
  }
}
