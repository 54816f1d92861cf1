/// How fast rows are moved to new pids.
package struct RekeyPace: Hashable, Sendable {
  /// The paces there may be, in rows a second.
  package static let range = 1...10_000_000

  /// The most rows a second.
  package let rowsPerSecondMax: Int

  /// About so many rows go into one transaction; a person's go together, however many they are. Few
  /// large transactions delay fewer reads than many small ones do.
  package var rowsPerTransaction = 8_000

  /// The most people of one transaction.
  package var peoplePerTransaction = 512

  /// A pace; what lies outside of `range` is taken to its nearer end. 120,000 rows a second by default:
  /// reads hardly notice it in their p99 (`rekey-bench`).
  package init(rowsPerSecondMax: Int = 120_000) {
    self.rowsPerSecondMax = min(
      max(rowsPerSecondMax, Self.range.lowerBound), Self.range.upperBound)
  }

  /// A pace in digits; `nil` for anything that is not a number in `range`.
  package init?(text: String) {
    guard let number = Int(text), Self.range.contains(number) else { return nil }
    self.init(rowsPerSecondMax: number)
  }

  /// The environment's variable for it.
  package static let variable = "TACIT_REKEY_ROWS_PER_SECOND"
}
