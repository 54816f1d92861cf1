package import AuditLog
package import ConsentAPI
internal import ConsentVerifier
package import PrivacyCore
package import SealedStore

/// The ledger of receipts: appended to in one transaction with its indexes, the state of the
/// person and the audit entry.
package struct ConsentLedger: Sendable {
  let store: SealedStore
  let audit: AuditLog
  let register: CatalogRegister
  let receiptCountPerPersonMax: Int
  let requestCountMax: Int
  let requestHours: Int
  let time: any TimeSource
  let clock: RecordingClock
  let random: any RandomSource
  let standings: StandingCache
  let takings = TakingsInFlight()
  let names: FormerNames

  /// The ledger that lives in `store`.
  ///
  /// - Throws: what the store throws.
  package init(
    store: SealedStore, audit: AuditLog, register: CatalogRegister,
    configuration: ConsentConfiguration, time: any TimeSource, random: any RandomSource
  ) throws {
    self.store = store
    self.audit = audit
    self.register = register
    receiptCountPerPersonMax = configuration.receiptCountPerPersonMax
    requestCountMax = configuration.requestCountMax
    requestHours = configuration.requestHours
    self.time = time
    clock = RecordingClock(time: time, last: try Self.newestTime(in: store))
    self.random = random
    standings = StandingCache(personCountMax: configuration.cachedPersonCountMax)
    names = try FormerNames(in: store)
  }

  /// A receipt, whether this call made it, and whether it needs the barrier.
  package struct Recorded: Sendable {
    package let receipt: Receipt
    package let isNew: Bool
    /// Whether a gate may still be serving what it takes away.
    package let takesAway: Bool
  }

  var rules: ReceiptRules { register.current.rules }

  // MARK: Writing

  /// Records an answer: what a person allowed and refused. The same again is answered with the
  /// receipt that is there.
  package func answer(
    _ draft: ReceiptDraft, by principal: String, request: RequestIdentity? = nil
  ) async throws -> Recorded {
    try await once(request) {
      try rules.check(draft, now: time.now)
    } write: { transaction in
      try record(draft, "consent.\(draft.kind)", by: principal, in: &transaction)
    }
  }

  /// Records that scopes are taken back, objected to or restricted; none named means all. Where
  /// all of it is so already, the receipt that did it is the answer.
  package func takeBack(
    _ draft: ReceiptDraft, by principal: String, request: RequestIdentity? = nil
  ) async throws -> Recorded {
    try await once(request) {
      try rules.check(draft, now: time.now)
    } write: { transaction in
      try takeBack(draft, by: principal, in: &transaction)
    }
  }

  /// The same of many people in one transaction, in the order of the drafts.
  package func takeBack(
    _ drafts: [ReceiptDraft], by principal: String
  ) async throws -> [Recorded] {
    for draft in drafts.prefix(1) { try rules.check(draft, now: time.now) }
    let recorded = try await store.write { transaction in
      var recorded: [Recorded] = []
      recorded.reserveCapacity(drafts.count)
      for draft in drafts {
        recorded.append(try takeBack(draft, by: principal, in: &transaction))
      }
      return recorded
    }.value
    if let last = recorded.last(where: \.isNew) { isDurable(last.receipt) }
    return recorded
  }

  /// Records that a restriction is over, of the scopes named or of all.
  package func lift(
    _ draft: ReceiptDraft, by principal: String, request: RequestIdentity? = nil
  ) async throws -> Recorded {
    try await once(request) {
      try rules.check(draft, now: time.now)
    } write: { transaction in
      var draft = draft
      draft.pid = try names.current(draft.pid, in: transaction)
      let state = try Self.state(of: draft.pid, in: transaction) ?? PersonState()
      draft.scopes = try state.lifting(draft.scopes, tree: register.current.catalog.tree)
      return try record(draft, "consent.lift", by: principal, in: &transaction)
    }
  }

  /// Records an erasure and what is to be done for it.
  package func erase(
    _ draft: ReceiptDraft, ground: String, by principal: String, request: RequestIdentity? = nil
  ) async throws -> Recorded {
    try await once(request) {
      try rules.check(draft, now: time.now)
    } write: { transaction in
      try erase(draft, ground: ground, by: principal, in: &transaction)
    }
  }

  /// The same of many people in one transaction, in the order of the drafts.
  package func erase(
    _ drafts: [ReceiptDraft], ground: String, by principal: String
  ) async throws -> [Recorded] {
    for draft in drafts.prefix(1) { try rules.check(draft, now: time.now) }
    let recorded = try await store.write { transaction in
      var recorded: [Recorded] = []
      for draft in drafts {
        recorded.append(try erase(draft, ground: ground, by: principal, in: &transaction))
      }
      return recorded
    }.value
    if let last = recorded.last(where: \.isNew) { isDurable(last.receipt) }
    return recorded
  }

  /// Records an erasure that the vault knows of, also under a pid that is nobody's any more.
  func eraseForgotten(
    _ draft: ReceiptDraft, ground: String, by principal: String
  ) async throws -> Recorded {
    try await once(nil) {
      try rules.check(draft, now: time.now)
    } write: { transaction in
      try erase(draft, ground: ground, by: principal, mayBeRetired: true, in: &transaction)
    }
  }

  private func erase(
    _ draft: ReceiptDraft, ground: String, by principal: String, mayBeRetired: Bool = false,
    in transaction: inout WriteTransaction
  ) throws -> Recorded {
    let pid = try names.current(draft.pid, in: transaction)
    if let state = try Self.state(of: pid, in: transaction), state.isErased {
      let receipt = try Self.receipt(at: state.erasureSequence, in: transaction)
      return Recorded(receipt: receipt, isNew: false, takesAway: true)
    }
    return try record(
      draft, "consent.erase", by: principal, ground: ground, details: [("ground", ground)],
      mayBeRetired: mayBeRetired, in: &transaction)
  }

  /// Notes that a request made several receipts, in the order of its answer.
  package func note(_ request: RequestIdentity?, _ recorded: [Recorded]) async throws {
    guard request != nil else { return }
    try await store.write { transaction in try note(request, recorded, in: &transaction) }
  }

  /// Answers a request that was answered before as it was then; else judges it, writes, and notes
  /// the answer in the same transaction.
  private func once(
    _ request: RequestIdentity?, check: () throws -> Void,
    write: @escaping @Sendable (inout WriteTransaction) throws -> Recorded
  ) async throws -> Recorded {
    if let earlier = try replay(request)?.first { return earlier }
    try check()
    let recorded = try await store.write { transaction in
      if let earlier = try replay(request, in: transaction)?.first { return earlier }
      let recorded = try write(&transaction)
      try note(request, [recorded], in: &transaction)
      return recorded
    }.value
    isDurable(recorded.receipt)
    return recorded
  }

  /// Everything that was recorded before `receipt` is durable as well.
  func isDurable(_ receipt: Receipt) {
    clock.isDurable(Timestamp(microseconds: receipt.recordedAtUs))
  }

  private func takeBack(
    _ draft: ReceiptDraft, by principal: String, in transaction: inout WriteTransaction
  ) throws -> Recorded {
    let current = register.current
    let pid = try names.current(draft.pid, in: transaction)
    let state = try Self.state(of: pid, in: transaction) ?? PersonState()
    let plan = state.takingBack(
      draft.scopes, kind: draft.kind, known: current.rules.knownScopes,
      tree: current.catalog.tree)
    switch plan {
    case .recordedAlready(let sequence):
      return Recorded(
        receipt: try Self.receipt(at: sequence, in: transaction), isNew: false, takesAway: true)
    case .record(let scopes):
      var draft = draft
      draft.scopes = scopes
      return try record(draft, Self.action(of: draft.kind), by: principal, in: &transaction)
    }
  }

  private static func action(of kind: ReceiptDraft.Kind) -> String {
    switch kind {
    case .objection: "consent.object"
    case .restriction: "consent.restrict"
    default: "consent.withdraw"
    }
  }
}
