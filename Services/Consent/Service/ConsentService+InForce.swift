internal import ConsentAPI
internal import PrivacyCore

extension ConsentService {
  /// Sees that an answer that was recorded holds at the gates, and returns what they did.
  ///
  /// Also an answer that takes nothing away waits for the gates where they may not know what an
  /// earlier one took away: its call may have broken off before they were told, or be about to tell
  /// them.
  func bringIntoForce(_ recorded: ConsentLedger.Recorded) async throws -> [GateOutcome] {
    let receipt = recorded.receipt
    let pid = try pid(receipt.pid)
    if recorded.takesAway || roster.isTakingAway || ledger.takings.contains(pid) {
      return try await pass(receipt).outcomes
    }
    if recorded.isNew {
      roster.committed(receipt.sequence, takesAway: false)
      try await roster.settle(at: receipt.sequence, limitMs: configuration.grantSettleMs)
    }
    return []
  }

  /// Makes known that `receipt` takes something away, and returns when no gate serves it any more.
  func pass(_ receipt: Receipt) async throws -> GateRoster.Passage {
    let committedAt = time.monotonicMicroseconds
    try makeKnown([receipt])
    return try await roster.barrier(
      at: receipt.sequence, of: [try pid(receipt.pid)], since: committedAt)
  }

  /// Makes known that `receipts`, which are durable, take something away.
  func makeKnown(_ receipts: [Receipt]) throws {
    guard let last = receipts.lazy.map(\.sequence).max() else { return }
    roster.committed(last, takesAway: true)
    for receipt in receipts { ledger.takings.end(try pid(receipt.pid), at: receipt.sequence) }
  }
}
