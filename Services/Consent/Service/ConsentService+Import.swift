package import ConsentAPI
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  package func `import`(
    _ requests: RequestStream<ImportChunk>, replies: ReplyWriter<ImportProgress>,
    context: CallContext
  ) async throws {
    let principal = context.peer.spiffeID
    let mayErase = context.peer.kind != .service
    // While the store writes one chunk, the next is read and judged; each is answered as soon as it
    // is recorded, whether or not another one comes.
    var writing: Task<ImportStanding, any Error>?
    for try await chunk in requests where !chunk.lines.isEmpty {
      let lines = read(chunk, mayErase: mayErase)
      let standing = try await writing?.value ?? ImportStanding()
      writing = Task {
        try await self.record(lines, of: chunk, after: standing, by: principal, replies: replies)
      }
    }
    let standing = try await writing?.value ?? ImportStanding()
    try await roster.settle(at: standing.lastPosition, limitMs: configuration.importSettleMs)
  }

  /// Records the lines of one chunk, tells the gates, and answers.
  private func record(
    _ lines: [ImportLine], of chunk: ImportChunk, after earlier: ImportStanding,
    by principal: String, replies: ReplyWriter<ImportProgress>
  ) async throws -> ImportStanding {
    let outcome = try await ledger.record(lines, by: principal)
    try await publish(outcome)
    var standing = earlier
    standing.lastPosition = max(standing.lastPosition, outcome.lastPosition)
    standing.progress.accepted += outcome.accepted
    standing.progress.duplicates += outcome.duplicates
    standing.progress.rejected += UInt64(outcome.rejects.count)
    standing.progress.rejects = outcome.rejects
    standing.progress.token = try token(roster.lastPosition)
    standing.progress.lastLine = chunk.firstLine + UInt64(chunk.lines.count) - 1
    try await replies.send(standing.progress)
    return standing
  }

  /// Judges the lines of a chunk as far as that goes without the ledger.
  private func read(_ chunk: ImportChunk, mayErase: Bool) -> [ImportLine] {
    let now = time.now
    let rules = register.current.rules
    return chunk.lines.enumerated().map { index, line in
      let draft = Result { () throws(ReceiptRefusal) in
        let draft = try ReceiptJSON.draft(line)
        if draft.kind == .erasure, !mayErase { throw .erasureNotAllowed }
        try rules.check(draft, now: now)
        return draft
      }
      return ImportLine(number: chunk.firstLine &+ UInt64(index), draft: draft)
    }
  }

  /// Tells the gates. What takes something away is in force everywhere before it is answered.
  private func publish(_ outcome: ImportOutcome) async throws {
    guard outcome.lastPosition > 0 else { return }
    let committedAt = time.monotonicMicroseconds
    roster.committed(outcome.lastPosition, takesAway: !outcome.takingAway.isEmpty)
    if let last = outcome.takingAway.last {
      _ = try await roster.barrier(
        at: last.sequence, of: outcome.takingAway.map { try pid($0.pid) }, since: committedAt)
    }
  }
}

/// How far an import is.
private struct ImportStanding: Sendable {
  var progress = ImportProgress()
  /// The position of the last receipt recorded.
  var lastPosition: UInt64 = 0
}
