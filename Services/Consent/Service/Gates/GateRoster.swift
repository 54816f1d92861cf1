internal import ConsentAPI
package import PrivacyCore
internal import Synchronization

/// The gates that attend, what each has confirmed, and until when each may serve.
///
/// Three facts make a barrier safe, and all three are kept under one lock: a lease names the last
/// change that takes something away, and counts only for a gate that has applied it; that change
/// is made known here before the barrier looks at the leases; so a barrier finds every lease that
/// was given in ignorance of its change, and none is given after.
package final class GateRoster: Sendable {
  struct Registration: Sendable {
    let gate: String
    /// The gate serves pids from here on; `nil` from the first.
    let from: PseudonymousID?
    /// The gate serves pids before this one; `nil` to the last.
    let before: PseudonymousID?
    /// Where the log ended when it registered.
    let registeredAt: UInt64
    let wake: Signal
    var confirmed: UInt64
    /// The end of its last lease, on the monotonic clock of this process.
    var leaseEnd = Int64.min
    var isConnected = true
    /// Whether its last changes are to be sent again.
    var nudge = false

    func serves(_ pid: PseudonymousID) -> Bool {
      (from.map { $0 <= pid } ?? true) && (before.map { pid < $0 } ?? true)
    }
  }

  struct State: Sendable {
    var registrations: [UInt64: Registration] = [:]
    var nextID: UInt64 = 0
    /// The newest position that is durable.
    var last: UInt64 = 0
    /// The newest durable position that takes something away.
    var lastTakingAway: UInt64 = 0
    /// The newest durable position that gives somebody another pid.
    var lastRenaming: UInt64 = 0
    /// Whether anybody ever got another pid: then a range of pids no longer says who is served.
    var hasRenamings = false
    /// The last rotation of pid keys that is over.
    var retiredRotation: UInt32 = 0

    /// The gates that serve one of `pids`, or anybody.
    func registrations(serving pids: [PseudonymousID]?) -> [UInt64: Registration] {
      guard let pids, !hasRenamings else { return registrations }
      return registrations.filter { pids.contains(where: $0.value.serves) }
    }
  }

  let state = Mutex(State())
  let time: any TimeSource
  let leaseMicroseconds: Int64
  let driftGuardMicroseconds: Int64
  let nudgeMicroseconds: Int64
  /// Until then gates may serve under leases that an earlier run of this service gave.
  let earlierLeasesEnd: Int64

  /// Tells that the log has grown.
  let logGrew: Signal
  /// Tells that a gate confirmed.
  let gateConfirmed: Signal

  /// The roster of a service that has just started.
  ///
  /// - Parameters:
  ///   - earlierLeaseMs: how long leases last that an earlier run may have given.
  ///   - renaming: how far the ledger is with a rotation of pid keys.
  package init(
    configuration: ConsentConfiguration, earlierLeaseMs: Int, lastPosition: UInt64,
    renaming: RenamingProgress, time: any TimeSource
  ) {
    self.time = time
    logGrew = Signal(time: time)
    gateConfirmed = Signal(time: time)
    leaseMicroseconds = Int64(configuration.leaseMs) * 1_000
    driftGuardMicroseconds = Int64(configuration.driftGuardMs) * 1_000
    nudgeMicroseconds = Int64(max(1, configuration.nudgeMs)) * 1_000
    // A log without receipts has nothing that a gate could serve.
    earlierLeasesEnd =
      lastPosition == 0
      ? .min
      : time.monotonicMicroseconds + Int64(earlierLeaseMs) * 1_000 + driftGuardMicroseconds
    state.withLock { state in
      state.last = lastPosition
      state.hasRenamings = renaming.rotation > 0
      state.retiredRotation = renaming.retiredRotation
    }
  }

  // MARK: The log

  /// The newest position that is durable.
  var lastPosition: UInt64 { state.withLock { $0.last } }

  /// Makes known that everything up to `position` is durable.
  ///
  /// - Parameter renames: whether somebody got another pid: what comes later under it must reach no
  ///   gate that serves the person and does not know that.
  func committed(_ position: UInt64, takesAway: Bool, renames: Bool = false) {
    let wakes = state.withLock { state in
      state.last = max(state.last, position)
      if takesAway { state.lastTakingAway = max(state.lastTakingAway, position) }
      if renames {
        state.lastRenaming = max(state.lastRenaming, position)
        state.hasRenamings = true
      }
      return state.registrations.values.map(\.wake)
    }
    for wake in wakes { wake.notify() }
    logGrew.notify()
  }

  /// Whether a gate may not know yet something that was taken away: it has not confirmed it, or may
  /// serve under a lease that an earlier run of this service gave.
  var isTakingAway: Bool {
    if earlierLeasesEnd > time.monotonicMicroseconds { return true }
    return state.withLock { state in
      state.registrations.values.contains { $0.confirmed < state.lastTakingAway }
    }
  }

  /// Has every gate's line look again what there is to send.
  func wakeGates() {
    for wake in state.withLock({ $0.registrations.values.map(\.wake) }) { wake.notify() }
  }

  /// Tells with each lease from here on that `rotation` is over.
  func retire(_ rotation: UInt32) {
    state.withLock { $0.retiredRotation = max($0.retiredRotation, rotation) }
  }

  /// Whether anybody ever got another pid.
  var hasRenamings: Bool { state.withLock { $0.hasRenamings } }

  // MARK: One gate

  /// Enters a gate. `nil` where it claims to know more than the log holds.
  func register(
    gate: String, from: PseudonymousID?, before: PseudonymousID?, applied: UInt64, wake: Signal
  ) -> UInt64? {
    state.withLock { state in
      guard applied <= state.last else { return nil }
      state.nextID += 1
      state.registrations[state.nextID] = Registration(
        gate: gate, from: from, before: before, registeredAt: state.last, wake: wake,
        confirmed: applied)
      return state.nextID
    }
  }

  /// Notes what a gate has applied.
  func confirm(_ id: UInt64, _ position: UInt64) {
    state.withLock { state in
      guard let known = state.registrations[id]?.confirmed else { return }
      state.registrations[id]?.confirmed = max(known, min(position, state.last))
    }
    gateConfirmed.notify()
  }

  /// Up to where a gate has confirmed the log.
  func confirmed(_ id: UInt64) -> UInt64 {
    state.withLock { $0.registrations[id]?.confirmed ?? 0 }
  }

  /// Gives a gate its lease, from the moment it sent its renewal at `sentAtUs` of its own clock.
  func lease(_ id: UInt64, sentAtUs: Int64) -> GateLease {
    let now = time.monotonicMicroseconds
    return state.withLock { state in
      state.registrations[id]?.leaseEnd = now + leaseMicroseconds
      return GateLease(
        sentAtUs: sentAtUs, durationUs: leaseMicroseconds,
        sequence: max(
          state.lastTakingAway, state.lastRenaming,
          state.registrations[id]?.registeredAt ?? state.last),
        retiredRotation: state.retiredRotation)
    }
  }

  /// Notes that a gate's line is gone. It may serve until its lease ends, so it stays until then.
  func disconnect(_ id: UInt64) {
    state.withLock { state in
      state.registrations[id]?.isConnected = false
      removeSilent(from: &state)
    }
    gateConfirmed.notify()
  }

  /// Removes the gates that are gone and cannot serve any more.
  func removeSilent(from state: inout State) {
    let now = time.monotonicMicroseconds
    state.registrations = state.registrations.filter { _, gate in
      gate.isConnected || gate.leaseEnd &+ driftGuardMicroseconds > now
    }
  }

  /// Whether the gate's last changes are to be sent again; answers yes once.
  func takeNudge(_ id: UInt64) -> Bool {
    state.withLock { state in
      defer { state.registrations[id]?.nudge = false }
      return state.registrations[id]?.nudge ?? false
    }
  }

  /// The gates whose line is open, and how many of them know all of the log.
  package var counts: (attending: Int, upToDate: Int) {
    state.withLock { state in
      let connected = state.registrations.values.filter(\.isConnected)
      return (connected.count, connected.filter { $0.confirmed == state.last }.count)
    }
  }
}
