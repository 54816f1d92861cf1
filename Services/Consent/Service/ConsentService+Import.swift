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
    // While the store writes one chunk, the next is read and judged, and runs while that one is made
    // durable. Each is answered as soon as it is, in order, whether or not another one comes.
    var unanswered: [Task<ImportStanding, any Error>] = []
    var standing = ImportStanding()
    for try await chunk in requests where !chunk.lines.isEmpty || !chunk.receipts.isEmpty {
      let lines = try read(chunk, mayErase: mayErase)
      if unanswered.count >= Self.unansweredChunkCountMax {
        standing = try await unanswered.removeFirst().value
      }
      let earlier = unanswered.last
      let start = standing
      let (hasRun, run) = AsyncStream<Void>.makeStream()
      unanswered.append(
        Task {
          // Also where it does not come to that.
          defer { run.finish() }
          let outcome = try await self.ledger.record(lines, by: principal) { run.finish() }
          try await self.publish(outcome)
          let standing = try self.standing(
            after: try await earlier?.value ?? start, outcome, lastLine: lines.last?.number)
          try await replies.send(standing.progress)
          return standing
        })
      for await _ in hasRun {}
    }
    for answer in unanswered { standing = try await answer.value }
    try await roster.settle(at: standing.lastPosition, limitMs: configuration.importSettleMs)
  }

  /// How many chunks may have run and not be answered.
  private static let unansweredChunkCountMax = 4

  /// How far an import is behind another chunk.
  private func standing(
    after earlier: ImportStanding, _ outcome: ImportOutcome, lastLine: UInt64?
  ) throws -> ImportStanding {
    var standing = earlier
    standing.lastPosition = max(standing.lastPosition, outcome.lastPosition)
    standing.progress.accepted += outcome.accepted
    standing.progress.duplicates += outcome.duplicates
    standing.progress.rejected += UInt64(outcome.rejects.count)
    standing.progress.rejects = outcome.rejects
    standing.progress.token = try token(roster.lastPosition)
    standing.progress.lastLine = lastLine ?? earlier.progress.lastLine
    return standing
  }

  /// Judges the lines of a chunk as far as that goes without the ledger.
  private func read(
    _ chunk: ImportChunk, mayErase: Bool
  ) throws(ReceiptRefusal) -> [ImportLine] {
    let count = chunk.lines.count + chunk.receipts.count
    guard chunk.lines.isEmpty || chunk.receipts.isEmpty else { throw .malformedChunk }
    let now = time.now
    let rules = register.current.rules
    var lines: [ImportLine] = []
    lines.reserveCapacity(count)
    for index in 0..<count {
      let draft = Result { () throws(ReceiptRefusal) in
        let draft =
          chunk.lines.isEmpty
          ? try ReceiptDraft(importing: chunk.receipts[index])
          : try ReceiptJSON.draft(chunk.lines[index])
        if draft.kind == .erasure, !mayErase { throw .erasureNotAllowed }
        try rules.check(draft, now: now)
        return draft
      }
      lines.append(ImportLine(number: chunk.firstLine &+ UInt64(index), draft: draft))
    }
    return lines
  }

  /// Tells the gates. What takes something away is in force everywhere before it is answered, also
  /// where it was recorded before: an import may be repeated because of a crash that came before the
  /// gates were told.
  private func publish(_ outcome: ImportOutcome) async throws {
    let committedAt = time.monotonicMicroseconds
    let last = outcome.takingAway.lazy.map(\.sequence).max()
    try makeKnown(outcome.takingAway)
    if outcome.lastPosition > 0 { roster.committed(outcome.lastPosition, takesAway: false) }
    guard let last else { return }
    _ = try await roster.barrier(
      at: last, of: outcome.takingAway.map { try pid($0.pid) }, since: committedAt)
  }
}

/// How far an import is.
private struct ImportStanding: Sendable {
  var progress = ImportProgress()
  /// The position of the last receipt recorded.
  var lastPosition: UInt64 = 0
}
