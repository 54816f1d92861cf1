internal import AuditLog
package import ConsentAPI
internal import PrivacyCore
internal import SealedStore

/// One line of an import, read and judged as far as that goes without the ledger.
package struct ImportLine: Sendable {
  package let number: UInt64
  package let draft: Result<ReceiptDraft, ReceiptRefusal>

  package init(number: UInt64, draft: Result<ReceiptDraft, ReceiptRefusal>) {
    self.number = number
    self.draft = draft
  }
}

/// What became of a chunk of lines.
package struct ImportOutcome: Sendable {
  package var accepted: UInt64 = 0
  package var duplicates: UInt64 = 0
  package var rejects: [ImportReject] = []
  /// The position of the newest receipt the chunk added; 0 where it added none.
  package var lastPosition: UInt64 = 0
  /// The receipts that take away what a gate may be serving: those it added, and those that were
  /// there already. Whether the gates were told of these before a crash is not known.
  package var takingAway: [Receipt] = []
}

extension ConsentLedger {
  /// Records the lines of one chunk in one transaction, under one entry of the log; lines that are
  /// refused change nothing.
  ///
  /// - Parameter whenRun: is called when the transaction has run and is not yet durable: one that is
  ///   recorded from then on comes behind it.
  package func record(
    _ lines: [ImportLine], by principal: String, whenRun: @escaping @Sendable () -> Void = {}
  ) async throws -> ImportOutcome {
    let salts = EntrySalts(count: lines.count, random)
    let (outcome, stamp) = try await store.write { transaction in
      defer { whenRun() }
      var outcome = ImportOutcome()
      var position = try Self.nextPosition(in: transaction)
      let first = position
      let stamp = clock.stamp()
      let index = try audit.nextIndex(in: &transaction)
      var batch = AuditBatch()
      var known: KnownRows? = try KnownRows(of: lines, names, in: transaction)
      for line in lines {
        do {
          let recorded = try record(
            line.draft.get(), ground: "imported", at: &position, stamp: stamp,
            known: &known, in: &transaction
          ) { _, statement, _ in
            let salt = salts[batch.count]
            let member = try batch.add(salt: salt, content: statement.packed())
            return .member(index: index, member: member, salt: salt)
          }
          if recorded.isNew {
            outcome.accepted += 1
            outcome.lastPosition = recorded.receipt.sequence
          } else {
            outcome.duplicates += 1
          }
          if recorded.takesAway { outcome.takingAway.append(recorded.receipt) }
        } catch let refusal as ReceiptRefusal {
          outcome.rejects.append(ImportReject(line: line.number, reason: refusal.description))
        }
      }
      if outcome.accepted > 0 {
        let details = [
          ("first_sequence", "\(first)"), ("last_sequence", "\(outcome.lastPosition)"),
          ("accepted", "\(outcome.accepted)"), ("rejected", "\(outcome.rejects.count)"),
        ]
        let place = try audit.append(
          AuditEntry(principal: principal, action: "consent.import", details: details), batch,
          in: &transaction)
        guard place == index else {
          throw StoreError.corrupted("an entry came between the receipts of an import")
        }
      }
      return (outcome, stamp)
    }.value
    clock.isDurable(stamp.recordedAt)
    return outcome
  }
}
