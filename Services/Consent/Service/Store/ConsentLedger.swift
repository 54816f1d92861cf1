package import AuditLog
package import ConsentAPI
internal import Cryptography
package import PrivacyCore
package import SealedStore
internal import StoredMessages

/// The ledger of receipts: appended to in one transaction with its indexes, the state of the
/// person and the audit entry.
package struct ConsentLedger: Sendable {
  let store: SealedStore
  let audit: AuditLog
  let rules: ReceiptRules
  let receiptCountPerPersonMax: Int
  let time: any TimeSource
  let random: any RandomSource

  package init(
    store: SealedStore, audit: AuditLog, rules: ReceiptRules, receiptCountPerPersonMax: Int,
    time: any TimeSource, random: any RandomSource
  ) {
    self.store = store
    self.audit = audit
    self.rules = rules
    self.receiptCountPerPersonMax = receiptCountPerPersonMax
    self.time = time
    self.random = random
  }

  /// A receipt and whether this call made it.
  package struct Recorded: Sendable {
    package let receipt: Receipt
    package let isNew: Bool
  }

  // MARK: Writing

  /// Records a grant. The same again is answered with the receipt that is there.
  package func grant(_ draft: ReceiptDraft, by principal: String) async throws -> Recorded {
    try rules.check(draft, now: time.now)
    return try await store.write { transaction in
      let recorded = try record(draft, in: &transaction)
      if recorded.isNew {
        try auditOne(recorded.receipt, "consent.grant", by: principal, in: &transaction)
      }
      return recorded
    }.value
  }

  /// Records that scopes are taken back; none named means all. Where all of it is taken back
  /// already, the receipt that did it is the answer.
  package func withdraw(
    _ draft: ReceiptDraft, by principal: String
  ) async throws -> Recorded {
    try rules.check(draft, now: time.now)
    return try await store.write { transaction in
      let state = try Self.state(of: draft.pid, in: transaction) ?? PersonState()
      switch state.withdrawal(of: draft.scopes, known: rules.knownScopes) {
      case .recordedAlready(let sequence):
        return Recorded(receipt: try Self.receipt(at: sequence, in: transaction), isNew: false)
      case .record(let scopes):
        var draft = draft
        draft.scopes = scopes
        let recorded = try record(draft, in: &transaction)
        try auditOne(recorded.receipt, "consent.withdraw", by: principal, in: &transaction)
        return recorded
      }
    }.value
  }

  /// Records an erasure and what is to be done for it.
  package func erase(
    _ draft: ReceiptDraft, ground: String, by principal: String
  ) async throws -> Recorded {
    try rules.check(draft, now: time.now)
    return try await store.write { transaction in
      if let state = try Self.state(of: draft.pid, in: transaction), state.isErased {
        let receipt = try Self.receipt(at: state.erasureSequence, in: transaction)
        return Recorded(receipt: receipt, isNew: false)
      }
      let recorded = try record(draft, ground: ground, in: &transaction)
      try auditOne(
        recorded.receipt, "consent.erase", by: principal, details: [("ground", ground)],
        in: &transaction)
      return recorded
    }.value
  }

  /// Appends what `draft` asks for, or answers what is there under its id with the same content.
  func record(
    _ draft: ReceiptDraft, ground: String = "", in transaction: inout WriteTransaction
  ) throws -> Recorded {
    var position = try Self.nextPosition(in: transaction)
    return try record(draft, ground: ground, at: &position, in: &transaction)
  }

  /// The same at a position the caller counts, which moves on when a receipt is appended.
  func record(
    _ draft: ReceiptDraft, ground: String, at position: inout UInt64,
    in transaction: inout WriteTransaction
  ) throws -> Recorded {
    if let id = draft.consentID, let found = try transaction.get(ConsentTables.positions, id) {
      let receipt = try Self.receipt(at: found, in: transaction)
      guard draft.asksFor(receipt) else { throw ReceiptRefusal.duplicateID(id) }
      return Recorded(receipt: receipt, isNew: false)
    }
    let now = time.now
    var state = try Self.state(of: draft.pid, in: transaction) ?? PersonState()
    if draft.kind == .grant {
      try state.checkGrant(draft, receiptCountMax: receiptCountPerPersonMax)
    } else if state.isErased {
      throw ReceiptRefusal.erased
    }
    let id = draft.consentID ?? ConsentID(at: now, random: random)
    let receipt = Receipt(
      consentID: id.description, pid: draft.pid.bytes, scopes: draft.scopes,
      grantedAtUs: (draft.grantedAt ?? state.date(now: now)).microseconds,
      expiresAtUs: draft.expiresAt?.microseconds ?? 0, source: draft.source,
      version: draft.version, kind: draft.kind.receiptKind, recordedAtUs: now.microseconds,
      sequence: position, previousHash: try previousHash(state, in: transaction))
    state.record(receipt)
    try transaction.put(ConsentTables.receipts, position, StoredMessage(receipt))
    try transaction.put(ConsentTables.positions, id, position)
    try transaction.put(ConsentTables.history, KeyPair(draft.pid, position), EmptyValue())
    try transaction.put(ConsentTables.people, draft.pid, StoredMessage(state))
    if draft.kind == .erasure {
      let task = ErasureTask(pid: draft.pid.bytes, ground: ground)
      try transaction.put(ConsentTables.erasures, position, StoredMessage(task))
    }
    position += 1
    return Recorded(receipt: receipt, isNew: true)
  }

  private func previousHash(
    _ state: PersonState, in transaction: borrowing WriteTransaction
  ) throws -> [UInt8] {
    guard state.lastSequence > 0 else { return [] }
    return try Self.hash(of: Self.receipt(at: state.lastSequence, in: transaction))
  }

  /// What a receipt's successor says of it.
  static func hash(of receipt: Receipt) throws -> [UInt8] { try Digest.sha256(receipt.packed()) }

  private func auditOne(
    _ receipt: Receipt, _ action: String, by principal: String,
    details: [(name: String, value: String)] = [], in transaction: inout WriteTransaction
  ) throws {
    let entry = AuditEntry(
      principal: principal, action: action,
      pids: PseudonymousID(bytes: receipt.pid).map { [$0] } ?? [],
      consentIDs: [receipt.consentID],
      details: [("sequence", "\(receipt.sequence)")] + details)
    try audit.append(entry, in: &transaction)
  }
}
