internal import AuditLog
internal import PrivacyCore
internal import SealedStore
internal import ServiceKit
internal import StoredMessages
internal import Synchronization
internal import Transport
internal import VaultAPI

/// Stands between callers and the identifiers: how fast, how many distinct ones a day, how many look
/// like guesses, and who may do more than look up. A call costs a lock and a few nanoseconds for each
/// identifier; the store is written to once for each hundredth of a day's budget.
final class CallerGuard: Sendable {
  private struct State {
    var callers: [PeerIdentity: CallerRecord] = [:]
    var refusedForRate = 0
    var refusedForBudget = 0
    var refusedForMisses = 0
    var alarms = 0
  }

  private let store: SealedStore
  private let audit: AuditLog
  private let time: any TimeSource
  private let single: CallerLimits
  private let batch: CallerLimits
  private let partner: CallerLimits
  private let policy = AccessPolicy()
  private let state: Mutex<State>

  /// A guard that knows what was asked for today.
  init(
    store: SealedStore, audit: AuditLog, time: any TimeSource, single: CallerLimits,
    batch: CallerLimits, partner: CallerLimits
  ) {
    self.store = store
    self.audit = audit
    self.time = time
    self.single = single
    self.batch = batch
    self.partner = partner
    state = Mutex(State())
  }

  // MARK: - Rights

  private func ownsBatches(_ peer: PeerIdentity) -> Bool {
    policy.permits(peer, scope: "vault.batch")
  }

  private func isPartner(_ peer: PeerIdentity) -> Bool {
    peer.kind == .user && peer.role == IdentityVaultService.partnerRole
  }

  private func limits(of peer: PeerIdentity) -> CallerLimits {
    if isPartner(peer) { return partner }
    return ownsBatches(peer) ? batch : single
  }

  /// Whether the caller may send streams.
  func checkStream(of peer: PeerIdentity) throws(VaultRefusal) {
    guard ownsBatches(peer) else { throw .batchNotOwned }
  }

  /// Whether the caller may record people.
  func checkCreate(by peer: PeerIdentity) throws(VaultRefusal) {
    guard policy.permits(peer, scope: "vault.create") else { throw .createNotAllowed }
  }

  // MARK: - Calls

  /// Before a call is worked on: its size, the caller's rate, and whether it has been guessing.
  func admit(_ count: Int, looksUp: Bool, of peer: PeerIdentity) throws {
    guard
      ownsBatches(peer) || isPartner(peer) || count <= CallerLimits.identifiersPerSingleCallMax
    else { throw VaultRefusal.batchNotOwned }
    let limits = limits(of: peer)
    let instant = time.monotonicMicroseconds
    let day = time.now.day
    let refusal = try state.withLock { state -> CallerRecord.Refusal? in
      try Self.admitCaller(peer, limits: limits, day: day, at: instant, store: store, in: &state)
      let refusal = state.callers[peer]?.admit(
        count, looksUp: looksUp, limits: limits, at: instant)
      switch refusal {
      case nil: break
      case .rate: state.refusedForRate += 1
      case .misses: state.refusedForMisses += 1
      }
      return refusal
    }
    switch refusal {
    case nil: return
    case .rate(.max): throw VaultRefusal.beyondBurst(limit: limits.burst)
    case .rate(let wait): throw VaultRefusal.tooFast(retryAfterMs: (wait + 999) / 1_000)
    case .misses: throw VaultRefusal.guessing
    }
  }

  /// Charges identifiers to the caller's day before their pids are told. Returns when the store knows
  /// of it, so that a restart forgets no charge.
  func charge(_ pids: [PseudonymousID], to peer: PeerIdentity) async throws {
    guard !pids.isEmpty else { return }
    let limits = limits(of: peer)
    let day = time.now.day
    let charge = state.withLock { state in
      let charge = state.callers[peer]?.charge(pids, limits: limits, day: day) ?? .covered
      if case .overBudget(let isFirst) = charge {
        state.refusedForBudget += 1
        if isFirst { state.alarms += 1 }
      }
      return charge
    }
    switch charge {
    case .covered: return
    case .overBudget(let isFirst):
      if isFirst {
        try await alarm("budget", of: peer, [("distinct_per_day", "\(limits.distinctPerDay)")])
      }
      throw VaultRefusal.dayIsSpent(limit: limits.distinctPerDay)
    case .reserve(let record):
      let key = peer.spiffeID
      try await store.write { transaction in
        var kept = record
        if let other = try transaction.get(CallerTables.days, key)?.message,
          other.day == record.day
        {
          // Two calls at once may come here in either order.
          kept.chargedCount = max(kept.chargedCount, other.chargedCount)
        }
        try transaction.put(CallerTables.days, key, StoredMessage(kept))
      }
      state.withLock { $0.callers[peer]?.reserved(record) }
    }
  }

  /// After look-ups: how many found nobody.
  func note(lookups: Int, misses: Int, of peer: PeerIdentity) async throws {
    let limits = limits(of: peer)
    let instant = time.monotonicMicroseconds
    let counts = state.withLock { state in
      let counts = state.callers[peer]?.note(
        lookups: lookups, misses: misses, limits: limits, at: instant)
      if counts != nil { state.alarms += 1 }
      return counts
    }
    guard let counts else { return }
    try await alarm(
      "misses", of: peer, [("lookups", "\(counts.lookups)"), ("misses", "\(counts.misses)")])
  }

  /// Who has asked today, and how often that was too much.
  func measures() -> [(name: String, value: Double)] {
    state.withLock { state in
      [
        ("callers", Double(state.callers.count)),
        ("refused_for_rate", Double(state.refusedForRate)),
        ("refused_for_budget", Double(state.refusedForBudget)),
        ("refused_for_misses", Double(state.refusedForMisses)),
        ("caller_alarms", Double(state.alarms)),
      ]
    }
  }

  private func alarm(
    _ kind: String, of peer: PeerIdentity, _ details: [(name: String, value: String)]
  ) async throws {
    try await audit.append(
      AuditEntry(
        principal: peer.spiffeID, action: "vault.alarm",
        details: [(name: "kind", value: kind)] + details))
  }

  /// Makes sure that the caller has a record: what the store kept of its day, else a new one.
  private static func admitCaller(
    _ peer: PeerIdentity, limits: CallerLimits, day: Int64, at instant: Int64,
    store: SealedStore, in state: inout State
  ) throws {
    if state.callers[peer] != nil { return }
    if state.callers.count >= CallerLimits.callerCountMax {
      // Those who did not come today make room.
      state.callers = state.callers.filter { $0.value.day >= day }
    }
    guard state.callers.count < CallerLimits.callerCountMax else {
      throw VaultRefusal.tooManyCallers(limit: CallerLimits.callerCountMax)
    }
    var record = CallerRecord(limits: limits, day: day, at: instant)
    if let stored = try store.read({ try $0.get(CallerTables.days, peer.spiffeID)?.message }) {
      record.restore(stored)
    }
    state.callers[peer] = record
  }
}
