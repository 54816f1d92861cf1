internal import PrivacyCore
internal import SealedStore

/// Fills a store with rows 0..<N, many to a transaction.
enum Loading {
  private static let rowsPerTransaction = 10_000

  static func load(_ arguments: Arguments) async throws {
    let store = try BenchStore.open(arguments.directory)
    let start = ContinuousClock.now
    let rowCount = arguments.number("rows", default: 1_000_000)
    try await fill(store, 0..<rowCount)
    store.close()
    printReport(["rows_per_s": Double(rowCount) / (ContinuousClock.now - start).seconds])
  }

  static func fill(_ store: SealedStore, _ rows: Range<Int>) async throws {
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: rowsPerTransaction) {
      try await store.write { transaction in
        for number in first..<min(first + rowsPerTransaction, rows.upperBound) {
          try transaction.put(BenchStore.table, BenchStore.pid(number), BenchStore.value(number))
        }
      }
    }
  }
}
