package import ConsentAPI
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  /// The most people in one request.
  static let personCountMax = 10_000

  /// Each batch of people is one transaction behind one barrier, and barriers run while the next
  /// batches are written. A crash in between leaves the first batches withdrawn; repeating the call
  /// does the rest.
  package func withdrawMany(
    _ request: WithdrawManyRequest, context: CallContext
  ) async throws -> WithdrawManyReply {
    var unnamed = request
    unnamed.idempotencyKey = ""
    let principal = context.peer.spiffeID
    let identity = try RequestIdentity(
      request.idempotencyKey, of: unnamed, method: "WithdrawMany", by: principal)
    if let earlier = try ledger.replay(identity) {
      let barrier = try await passMany(earlier)
      return try reply(earlier, barriers: [barrier])
    }
    let drafts = try drafts(of: request)
    return try await withThrowingTaskGroup(of: Barrier.self) { group in
      var recorded: [ConsentLedger.Recorded] = []
      for start in stride(from: 0, to: drafts.count, by: configuration.withdrawalBatchCount) {
        let end = min(drafts.count, start + configuration.withdrawalBatchCount)
        let batch = try await ledger.takeBack(Array(drafts[start..<end]), by: principal)
        recorded += batch
        group.addTask { try await passMany(batch) }
      }
      try await ledger.note(identity, recorded)
      var barriers: [Barrier] = []
      for try await barrier in group { barriers.append(barrier) }
      barriers.sort { $0.lastSequence < $1.lastSequence }
      return try reply(recorded, barriers: barriers)
    }
  }

  private func drafts(of request: WithdrawManyRequest) throws -> [ReceiptDraft] {
    try people(request.pids).map { pid in
      ReceiptDraft(
        pid: pid, kind: .withdrawal, scopes: request.scopes, source: request.source, version: 0,
        details: request.details)
    }
  }

  /// The people of a request about many, each named once, and none by a pid that is nobody's any more:
  /// before anything is recorded.
  func people(_ pids: [[UInt8]]) throws -> [PseudonymousID] {
    guard (1...Self.personCountMax).contains(pids.count) else {
      throw ReceiptRefusal.tooManyPeople(limit: Self.personCountMax)
    }
    let pids = try pids.map { try pid($0) }
    guard Set(pids).count == pids.count else { throw ReceiptRefusal.personNamedTwice }
    let retired = try ledger.retired(among: pids)
    guard retired.isEmpty else { throw ReceiptRefusal.retiredAmong(retired) }
    return pids
  }

  /// One barrier for all of `recorded`.
  func passMany(_ recorded: [ConsentLedger.Recorded]) async throws -> Barrier {
    let positions = recorded.map(\.receipt.sequence)
    guard let first = positions.min(), let last = positions.max() else { return Barrier() }
    let committedAt = time.monotonicMicroseconds
    try makeKnown(recorded.map(\.receipt))
    let passage = try await roster.barrier(
      at: last, of: try recorded.map { try pid($0.receipt.pid) }, since: committedAt)
    return Barrier(
      firstSequence: first, lastSequence: last, people: UInt32(recorded.count),
      gates: passage.outcomes, barrierUs: passage.durationUs)
  }

  private func reply(
    _ recorded: [ConsentLedger.Recorded], barriers: [Barrier]
  ) throws -> WithdrawManyReply {
    WithdrawManyReply(
      people: recorded.map {
        WithdrawnPerson(
          consentID: $0.receipt.consentID, sequence: $0.receipt.sequence, created: $0.isNew)
      },
      barriers: barriers, token: try token(recorded.map(\.receipt.sequence).max() ?? 0))
  }
}
