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
    var progress = ImportProgress()
    var lastPosition: UInt64 = 0
    // While the store writes one chunk, the next is read and judged.
    var writing: (chunk: ImportChunk, outcome: Task<ImportOutcome, any Error>)?
    func settle() async throws {
      guard let (chunk, outcome) = writing else { return }
      writing = nil
      let result = try await answering { try await outcome.value }
      try await publish(result)
      lastPosition = max(lastPosition, result.lastPosition)
      progress.accepted += result.accepted
      progress.duplicates += result.duplicates
      progress.rejected += UInt64(result.rejects.count)
      progress.rejects = result.rejects
      progress.lastLine = chunk.firstLine + UInt64(chunk.lines.count) - 1
      try await replies.send(progress)
    }
    for try await chunk in requests where !chunk.lines.isEmpty {
      let lines = read(chunk, mayErase: mayErase)
      try await settle()
      let ledger = ledger
      writing = (chunk, Task { try await ledger.record(lines, by: principal) })
    }
    try await settle()
    try await roster.settle(at: lastPosition, limitMs: configuration.importSettleMs)
  }

  /// Judges the lines of a chunk as far as that goes without the ledger.
  private func read(_ chunk: ImportChunk, mayErase: Bool) -> [ImportLine] {
    let now = time.now
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
