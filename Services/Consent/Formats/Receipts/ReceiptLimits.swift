/// What bounds a receipt in any of the formats; a longer one is refused while it is read.
package enum ReceiptLimits {
  /// The most bytes of a line of JSON, or of a CSV record with its line feeds, without its end.
  package static let lineByteCountMax = 65_536
  /// The most scopes, purposes, PII categories and recipients, each.
  package static let elementCountMax = 64
  /// The most columns of a CSV file; there are fewer fields.
  package static let columnCountMax = 32
}
