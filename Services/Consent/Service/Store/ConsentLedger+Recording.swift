internal import AuditLog
internal import ConsentAPI
internal import ConsentVerifier
internal import Cryptography
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages

extension ConsentLedger {
  /// Appends what `draft` asks for with its entry in the transparency log, or answers what is there
  /// under its id with the same content.
  func record(
    _ draft: ReceiptDraft, _ action: String, by principal: String, ground: String = "",
    details: [(name: String, value: String)] = [], mayBeRetired: Bool = false,
    in transaction: inout WriteTransaction
  ) throws -> Recorded {
    var position = try Self.nextPosition(in: transaction)
    var known: KnownRows?
    return try record(
      draft, ground: ground, at: &position, stamp: clock.stamp(), known: &known,
      mayBeRetired: mayBeRetired, in: &transaction
    ) { receipt, statement, transaction in
      let entry = AuditEntry(
        principal: principal, action: action, pids: [try pid(receipt.pid)],
        consentIDs: [receipt.consentID],
        details: [("sequence", "\(receipt.sequence)")] + details, statement: statement.packed())
      return .entry(index: try audit.append(entry, in: &transaction))
    }
  }

  /// The same at a position the caller counts, which moves on when a receipt is appended.
  ///
  /// - Parameters:
  ///   - stamp: the times of the transaction.
  ///   - known: the rows that stand for what would be looked up, where the transaction has them.
  ///   - mayBeRetired: whether it is recorded of a pid that a rotation has made nobody's, too.
  ///   - log: makes the receipt's entry.
  func record(
    _ draft: ReceiptDraft, ground: String, at position: inout UInt64,
    stamp: RecordingClock.Stamp, known: inout KnownRows?,
    mayBeRetired: Bool = false, in transaction: inout WriteTransaction,
    log: (Receipt, ReceiptStatement, inout WriteTransaction) throws -> LogPlace
  ) throws -> Recorded {
    var draft = draft
    draft.pid = try known?.current(draft.pid) ?? names.current(draft.pid, in: transaction)
    if let id = draft.consentID, let found = try knownPosition(of: id, known, in: transaction) {
      let receipt = try Self.receipt(at: found, in: transaction)
      guard draft.asksFor(receipt, of: try owner(of: receipt, draft.pid, in: transaction)) else {
        throw ReceiptRefusal.duplicateID(id)
      }
      return Recorded(
        receipt: receipt, isNew: false,
        // A grant may have ended earlier than the one it followed.
        takesAway: draft.kind != .restrictionLifted)
    }
    guard
      try mayBeRetired
        || !(known?.isRetired(draft.pid) ?? names.isRetired(draft.pid, in: transaction))
    else { throw ReceiptRefusal.retired }
    let now = stamp.now
    var state = try knownState(of: draft.pid, known, in: transaction) ?? PersonState()
    if draft.kind.isAnswer {
      draft = try register.current.catalog.complete(draft)
      state.refuseParts(of: &draft)
      try state.checkAnswer(draft, receiptCountMax: receiptCountPerPersonMax)
    } else if state.isErased {
      throw ReceiptRefusal.erased
    }
    let id = draft.consentID ?? ConsentID(at: now, random: random)
    let receipt = Receipt(
      consentID: id.description, pid: draft.pid.bytes, scopes: draft.scopes,
      grantedAtUs: (draft.grantedAt ?? state.date(now: now)).microseconds,
      expiresAtUs: draft.expiresAt?.microseconds ?? 0, source: draft.source,
      version: draft.version, kind: draft.kind.receiptKind,
      recordedAtUs: stamp.recordedAt.microseconds,
      sequence: position, previousHash: try Self.previousHash(state, in: transaction),
      deniedScopes: draft.deniedScopes, personSequence: state.receiptCount + 1,
      details: draft.details)
    let takesAway = state.isNarrowed(by: receipt, now: now)
    standings.willChange(draft.pid, at: transaction.sequence)
    if takesAway { takings.begin(draft.pid, at: position) }
    if draft.kind == .erasure { try forgetEntries(of: draft.pid, in: &transaction) }
    let packed = receipt.packed()
    let hash = try Digest.sha256(packed)
    state.record(receipt, hash: hash)
    let packedState = state.packed()
    let place = try log(
      receipt, ReceiptStatement(receipt, hash: hash, state: packedState), &transaction)
    try transaction.put(ConsentTables.receipts, position, StoredMessage(receipt, packed: packed))
    try transaction.put(ConsentTables.positions, id, position)
    try transaction.put(ConsentTables.history, KeyPair(draft.pid, position), place)
    try transaction.put(ConsentTables.people, draft.pid, StoredMessage(state, packed: packedState))
    if state.receiptCount.isMultiple(of: Self.stateKeptEvery) {
      try transaction.put(
        ConsentTables.earlierStates, KeyPair(draft.pid, state.receiptCount),
        StoredMessage(state, packed: packedState))
    }
    if draft.kind == .erasure {
      let task = ErasureTask(pid: draft.pid.bytes, ground: ground)
      try transaction.put(ConsentTables.erasures, position, StoredMessage(task))
    }
    known?.note(id, at: position, state, of: draft.pid)
    position += 1
    return Recorded(receipt: receipt, isNew: true, takesAway: takesAway)
  }

  private func knownPosition(
    of id: ConsentID, _ known: KnownRows?, in transaction: borrowing WriteTransaction
  ) throws -> UInt64? {
    if known != nil { return known?.positions[id] }
    return try transaction.get(ConsentTables.positions, id)
  }

  private func knownState(
    of pid: PseudonymousID, _ known: KnownRows?, in transaction: borrowing WriteTransaction
  ) throws -> PersonState? {
    if known != nil { return known?.states[pid] }
    return try Self.state(of: pid, in: transaction)
  }

  /// Destroys what opens the entries of a person's receipts, and what earlier states were kept. The
  /// log and everybody's proofs stay whole.
  private func forgetEntries(
    of pid: PseudonymousID, in transaction: inout WriteTransaction
  ) throws {
    for row in try transaction.rows(ConsentTables.history, .prefix(pid)) {
      switch row.value {
      case .unlogged: break
      case .entry(let index): try audit.forget(index, in: &transaction)
      case .member(let index, let member, _):
        try transaction.put(
          ConsentTables.history, row.key, .member(index: index, member: member, salt: nil))
      }
    }
    try transaction.delete(ConsentTables.earlierStates, .prefix(pid))
  }

  /// The pid that `receipt` names, where it is one of the person's, and else the person's own.
  private func owner(
    of receipt: Receipt, _ pid: PseudonymousID, in transaction: borrowing WriteTransaction
  ) throws -> PseudonymousID {
    guard receipt.pid != pid.bytes, let named = PseudonymousID(bytes: receipt.pid),
      try transaction.contains(ConsentTables.history, KeyPair(pid, receipt.sequence))
    else { return pid }
    return named
  }

  /// What the person's next receipt says of the last one.
  static func previousHash(
    _ state: PersonState, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> [UInt8] {
    // Stores of before the hash was kept with the state.
    if state.lastHash.isEmpty, state.lastSequence > 0 {
      return try Self.hash(of: Self.receipt(at: state.lastSequence, in: reader))
    }
    return state.lastHash
  }

  /// What a receipt's successor says of it.
  static func hash(of receipt: Receipt) throws -> [UInt8] { try Digest.sha256(receipt.packed()) }
}

extension PersonState {
  /// Whoever refuses a purpose refuses what was allowed by the answer to it: those parts are added
  /// to what `draft` refuses.
  fileprivate func refuseParts(of draft: inout ReceiptDraft) {
    guard !draft.deniedScopes.isEmpty else { return }
    for state in scopes
    where state.kind == .grant && draft.deniedScopes.contains(state.coveredBy)
      && !draft.deniedScopes.contains(state.scope) && !draft.scopes.contains(state.scope)
    {
      draft.deniedScopes.append(state.scope)
      draft.details = draft.details ?? ReceiptDetails()
      draft.details?.purposes.append(
        PurposeConsent(
          purpose: state.scope, decision: .denied, coveredBy: state.coveredBy))
    }
  }
}
