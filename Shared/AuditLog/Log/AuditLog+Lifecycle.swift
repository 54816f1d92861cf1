internal import PrivacyCore
internal import SealedStore
internal import TransparencyLog

extension AuditLog {
  /// The action of a gap's entry.
  public static let gapAction = "audit.gap"

  /// Why reads may be missing.
  enum GapReason: String {
    /// The service stopped without closing its log: what waited in memory is gone.
    case uncleanStop = "unclean-stop"
    /// The store did not write for so long that no more reads could wait.
    case readsLost = "reads-lost"
  }

  /// Opens the log: refuses one in another form, and where it was not closed logs the gap that this
  /// may have left. Signs a checkpoint where there is a key.
  ///
  /// - Throws: `olderFormat`, `newerFormat`; what the store throws.
  public func start() async throws {
    try await store.write { [self] transaction in
      try tree.checkFormat(in: &transaction)
      let now = time.now
      if let since = try transaction.get(AuditTables.state, AuditTables.State.openSince) {
        let reads = try transaction.get(AuditTables.state, AuditTables.State.readsThrough) ?? 0
        let from = Timestamp(microseconds: Int64(clamping: max(since, reads)))
        try appendGap(.uncleanStop, from: from, to: now, details: [], in: &transaction)
      }
      try transaction.put(
        AuditTables.state, AuditTables.State.openSince, UInt64(clamping: now.microseconds))
    }
    if publisher != nil { try await publish() }
  }

  /// Logs the reads that wait, signs a last checkpoint and marks the log as closed. Entries can still
  /// be appended, but no checkpoint follows by itself.
  public func close() async throws {
    try await flushReads()
    if publisher != nil { try await publish() }
    try await store.write { transaction in
      try transaction.delete(AuditTables.state, AuditTables.State.openSince)
    }
    publisher?.close()
  }

  func appendGap(
    _ lost: ReadCollector.Lost, in transaction: inout WriteTransaction
  ) throws {
    try appendGap(
      .readsLost, from: lost.from, to: lost.to, details: [("count", String(lost.count))],
      in: &transaction)
  }

  private func appendGap(
    _ reason: GapReason, from: Timestamp, to: Timestamp,
    details: [(name: String, value: String)], in transaction: inout WriteTransaction
  ) throws {
    // A clock that was set back makes no negative gap.
    let to = max(from, to)
    let entry = AuditEntry(
      principal: "", action: Self.gapAction,
      details: [("from", from.description), ("to", to.description), ("reason", reason.rawValue)]
        + details)
    _ = try append(
      entry, .gap(from: from.seconds, to: to.seconds, reason: reason.rawValue), in: &transaction)
  }
}
