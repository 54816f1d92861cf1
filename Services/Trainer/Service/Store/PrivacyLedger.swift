package import AuditLog
internal import DifferentialPrivacy
package import PrivacyCore
package import SealedStore
internal import StoredMessages
internal import TrainerAPI

/// The privacy ledger: budgets, and every charge against them in a hash chain that is only ever
/// added to.
///
/// A charge is reserved, durably, before any noise is drawn, and settled when the answer exists.
/// Whatever happens between the two, the charge counts. It stops counting only when it is released
/// with the reservation still in hand, which proves that nothing was drawn. The writer thread
/// decides on one reservation after the other, so that two at once cannot overspend.
package struct PrivacyLedger: Sendable {
  let store: SealedStore
  let audit: AuditLog
  let time: any TimeSource

  /// The ledger in `store`, after reading every entry: a chain that does not hold, or that does
  /// not come to what the standings say, is refused. About 200,000 entries a second.
  package init(store: SealedStore, audit: AuditLog, time: any TimeSource) throws {
    self.store = store
    self.audit = audit
    self.time = time
    try verify()
  }

  // MARK: Budgets

  /// Opens a budget. The same numbers again are answered with the budget that is there; others are
  /// refused: a budget cannot be raised.
  package func open(
    _ key: BudgetKey, epsilonLimit: Double, delta: Double, principal: String
  ) async throws -> BudgetState {
    guard (try? Epsilon(epsilonLimit)) != nil else { throw TrainerError.badEpsilon(epsilonLimit) }
    guard (try? Delta(delta)) != nil else { throw TrainerError.badDelta(delta) }
    let record = BudgetRecord(
      dataset: key.dataset, purpose: key.purpose, epsilonLimit: epsilonLimit, delta: delta,
      createdAtUs: time.now.microseconds, principal: principal)
    return try await store.write { transaction in
      if let state = try Self.state(of: key, in: transaction) {
        guard state.record.epsilonLimit == epsilonLimit, state.record.delta == delta else {
          throw TrainerError.budgetIsFixed(
            key, epsilonLimit: state.record.epsilonLimit, delta: state.record.delta)
        }
        return state
      }
      try transaction.put(TrainerTables.budgets, key.stored, StoredMessage(record))
      try transaction.put(TrainerTables.standings, key.stored, StoredMessage(BudgetStanding()))
      try audit.append(
        AuditEntry(
          principal: principal, action: "trainer.budget_opened", purpose: key.purpose,
          details: [
            ("dataset", key.dataset), ("epsilon_limit", "\(epsilonLimit)"), ("delta", "\(delta)"),
          ]), in: &transaction)
      return BudgetState(record: record, standing: BudgetStanding())
    }.value
  }

  // MARK: Charges

  /// Reserves what `plan` costs. When this returns, the charge is on disk and counts.
  ///
  /// - Throws: `budgetExceeded` when it does not fit what is left; nothing is charged then, and
  ///   the refusal is in the audit log.
  package func reserve(
    _ plan: ReleasePlan, from key: BudgetKey, operation: String, mechanism: String,
    principal: String
  ) async throws -> BudgetReservation {
    let outcome = try await store.write { transaction -> Result<ChargeID, TrainerError> in
      guard let state = try Self.state(of: key, in: transaction) else {
        throw TrainerError.unknownBudget(key)
      }
      let details = [
        ("dataset", key.dataset), ("operation", operation), ("mechanism", mechanism),
        ("epsilon", "\(plan.epsilon)"),
      ]
      guard let standing = try state.standing(charging: plan.loss) else {
        // The refusal is recorded, so this transaction commits.
        try audit.append(
          AuditEntry(
            principal: principal, action: "trainer.charge_refused", purpose: key.purpose,
            details: details), in: &transaction)
        return .failure(
          .budgetExceeded(
            key, asked: plan.epsilon,
            left: max(0, state.record.epsilonLimit - (try state.epsilonSpent())),
            admissible: try state.epsilonAdmissible()))
      }
      let number = standing.entryCount + 1
      try append(
        LedgerEntry(
          state: .reserved, chargeNumber: number, principal: principal, operation: operation,
          mechanism: mechanism, epsilon: plan.epsilon, precisionUnits: plan.loss.precisionUnits,
          roundingUnits: plan.loss.roundingUnits),
        to: key, standing: standing, in: &transaction)
      try audit.append(
        AuditEntry(
          principal: principal, action: "trainer.charge", purpose: key.purpose, details: details),
        in: &transaction)
      return .success(ChargeID(budget: key, number: number))
    }.value
    return BudgetReservation(charge: try outcome.get(), plan: plan)
  }

  /// Records that the answer of a charge exists.
  package func settle(_ charge: ChargeID) async throws {
    try await conclude(charge, as: .settled)
  }

  /// Takes a reservation back of which nothing was drawn: the charge no longer counts.
  package func release(_ reservation: consuming BudgetReservation) async throws {
    try await conclude(reservation.charge, as: .released)
  }

  private func conclude(_ charge: ChargeID, as state: ChargeState) async throws {
    try await store.write { transaction in
      let key = charge.budget
      guard let budget = try Self.state(of: key, in: transaction),
        let reserved = try transaction.get(TrainerTables.entries, key.entry(charge.number))?
          .message,
        reserved.state == .reserved,
        try !transaction.contains(TrainerTables.outcomes, key.entry(charge.number))
      else { throw TrainerError.notReserved(charge) }
      var standing = budget.standing
      if state == .released {
        guard let loss = budget.loss.subtracting(reserved.loss) else {
          throw TrainerError.brokenLedger(key, entry: charge.number)
        }
        standing.precisionUnits = loss.precisionUnits
        standing.roundingUnits = loss.roundingUnits
      }
      let entry = LedgerEntry(
        state: state, chargeNumber: charge.number, principal: reserved.principal,
        operation: reserved.operation)
      try transaction.put(
        TrainerTables.outcomes, key.entry(charge.number), standing.entryCount + 1)
      try append(entry, to: key, standing: standing, in: &transaction)
    }
  }

  /// Adds an entry behind the last and writes where the ledger stands then.
  private func append(
    _ entry: LedgerEntry, to key: BudgetKey, standing: BudgetStanding,
    in transaction: inout WriteTransaction
  ) throws {
    var entry = entry
    entry.number = standing.entryCount + 1
    entry.atUs = time.now.microseconds
    entry.hash = try entry.hash(after: standing.hash)
    var standing = standing
    standing.entryCount = entry.number
    standing.hash = entry.hash
    try transaction.put(TrainerTables.entries, key.entry(entry.number), StoredMessage(entry))
    try transaction.put(TrainerTables.standings, key.stored, StoredMessage(standing))
  }
}

extension BudgetKey {
  var stored: TrainerTables.Budget { KeyPair(dataset, purpose) }

  func entry(_ number: UInt64) -> TrainerTables.Entry { KeyTriple(dataset, purpose, number) }
}
