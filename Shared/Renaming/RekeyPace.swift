/// How fast rows are moved to new pids.
package struct RekeyPace: Hashable, Sendable {
  /// The paces there may be, in rows a second.
  package static let range = 1...10_000_000

  /// The most rows a second.
  package let rowsPerSecondMax: Int

  /// About so many rows go into one transaction; a person's go together, however many they are.
  package var rowsPerTransaction = 2_000

  /// The most people of one transaction.
  package var peoplePerTransaction = 512

  /// A pace; what lies outside of `range` is taken to its nearer end.
  package init(rowsPerSecondMax: Int = 20_000) {
    self.rowsPerSecondMax = min(
      max(rowsPerSecondMax, Self.range.lowerBound), Self.range.upperBound)
  }
}
