public import PrivacyCore

/// What a store has done since it was opened, and how it stands.
public struct StoreStatistics: Sendable {
  /// The newest acknowledged change.
  public var lastSequence = LogSequenceNumber.zero
  /// The newest change in the tables.
  public var appliedSequence = LogSequenceNumber.zero
  /// The changed rows that are in memory and not yet in the tables.
  public var unappliedRowCount = 0
  /// The bytes of memory that they take.
  public var unappliedByteCount = 0
  /// The callers that wait for a write.
  public var waitingWriteCount = 0
  /// Transactions committed since the store was opened.
  public var transactionCount = 0
  /// Commits of the journal: each served one group of transactions.
  public var commitCount = 0
  /// The time those commits took together, in microseconds.
  public var commitMicroseconds: Int64 = 0
  /// The longest of them.
  public var commitMicrosecondsMax: Int64 = 0
  /// Chunks of changes carried into the tables.
  public var applyCount = 0
  /// Rows changed in the tables.
  public var appliedRowCount = 0
  /// The bytes of the tables' file in use.
  public var tablesByteCount = 0
  /// The bytes of the journal's file in use.
  public var journalByteCount = 0
  /// Why writes are refused; `nil` when they are not.
  public var writeFailure: StoreError?
  /// Why the tables are not being brought up to date; `nil` when they are. Tried again each second.
  public var applyFailure: StoreError?
}

extension SealedStore {
  /// How the store stands.
  public func statistics() throws(StoreError) -> StoreStatistics {
    let core = try core
    var statistics = StoreStatistics()
    core.overlay.withLock { overlay in
      statistics.lastSequence = LogSequenceNumber(overlay.published)
      statistics.appliedSequence = LogSequenceNumber(overlay.applied)
      statistics.unappliedRowCount = overlay.activeRowCount + (overlay.frozen?.count ?? 0)
      statistics.unappliedByteCount = overlay.activeByteCount + (overlay.frozen?.byteCount ?? 0)
      statistics.writeFailure = overlay.writeFailure
      statistics.applyFailure = overlay.applyFailure
    }
    core.counters.withLock { counters in
      statistics.transactionCount = counters.transactionCount
      statistics.commitCount = counters.commitCount
      statistics.commitMicroseconds = counters.commitMicroseconds
      statistics.commitMicrosecondsMax = counters.commitMicrosecondsMax
      statistics.applyCount = counters.applyCount
      statistics.appliedRowCount = counters.appliedRowCount
    }
    statistics.waitingWriteCount = core.queue.withLock { $0.waiting.count }
    statistics.tablesByteCount = try core.tables.usedByteCount()
    statistics.journalByteCount = try core.journal.environment.usedByteCount()
    return statistics
  }
}
