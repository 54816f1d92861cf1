/// One line of a file of receipts, read.
package struct ReceiptRow: Sendable {
  /// The line it begins on, from 1.
  package let line: Int
  /// The receipt, or why there is none; the lines after it are read all the same.
  package let outcome: Result<ReceiptDocument, FormatFault>
}
