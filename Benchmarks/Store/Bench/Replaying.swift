internal import Foundation
internal import Glibc
internal import PrivacyCore
internal import SealedStore

/// Opening a store whose journal is ahead of its tables.
enum Replaying {
  /// Acknowledges rows, one to a transaction as single callers would, that the applier is not
  /// given, and ends as a crash does.
  static func leaveTail(_ arguments: Arguments) async throws {
    let rowCount = arguments.number("rows", default: 400_000)
    let first = 10_000_000
    let store = try BenchStore.open(arguments.directory) { configuration in
      configuration.applyDelayMs = 3_600_000
      configuration.unappliedRowCountMax = 8 * rowCount
      configuration.unappliedByteCountMax = 8 << 30
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      let callerCount = 512
      for caller in 0..<callerCount {
        group.addTask {
          for number in stride(from: first + caller, to: first + rowCount, by: callerCount) {
            try await store.write {
              try $0.put(BenchStore.table, BenchStore.pid(number), BenchStore.value(number))
            }
          }
        }
      }
      try await group.waitForAll()
    }
    kill(getpid(), SIGKILL)
  }

  static func run(_ arguments: Arguments) throws {
    let start = ContinuousClock.now
    let store = try BenchStore.open(arguments.directory)
    let seconds = (ContinuousClock.now - start).seconds
    let rowCount = try store.statistics().unappliedRowCount
    let wanted = arguments.number("rows", default: 400_000)
    guard rowCount == wanted else {
      throw UsageError(text: "\(rowCount) rows were replayed, not \(wanted)")
    }
    printReport(["replay_rows_per_s": Double(rowCount) / seconds, "open_ms": seconds * 1_000])
    store.close()
  }
}
