internal import ConsentAPI
internal import PrivacyCore
internal import Synchronization

extension GateRoster {
  /// What became of a barrier.
  struct Passage: Sendable {
    var outcomes: [GateOutcome]
    /// From the commit until no gate served it any more.
    var durationUs: Int64
  }

  private struct Pending {
    let gate: String
    /// When it cannot serve any more, whatever it does.
    let end: Int64
  }

  /// What stands under the name of gates that only an earlier run of this service knew.
  private static let earlierGates = "gates of the previous run"

  /// Returns once no gate can serve any more what the receipts up to `position` took away from
  /// `pids`: each has confirmed, or its lease and the drift guard have run out.
  ///
  /// The change must be durable, and made known with `committed(_:takesAway:)`.
  ///
  /// - Parameters:
  ///   - pids: whom it concerns; `nil`: it concerns every gate.
  ///   - since: when the commit was done, on the monotonic clock.
  func barrier(
    at position: UInt64, of pids: [PseudonymousID]?, since start: Int64
  ) async throws -> Passage {
    var outcomes: [GateOutcome] = []
    var pending: [UInt64: Pending] = state.withLock { state in
      removeSilent(from: &state)
      return state.registrations(serving: pids).mapValues {
        Pending(gate: $0.gate, end: $0.leaseEnd &+ driftGuardMicroseconds)
      }
    }
    var nextNudge = time.monotonicMicroseconds + nudgeMicroseconds
    var nudgePause = nudgeMicroseconds
    while true {
      let generation = gateConfirmed.generation
      let now = time.monotonicMicroseconds
      let confirmed = state.withLock { state in
        pending.keys.filter { (state.registrations[$0]?.confirmed ?? 0) >= position }
      }
      for id in confirmed {
        guard let gate = pending.removeValue(forKey: id) else { continue }
        outcomes.append(
          GateOutcome(gate: gate.gate, confirmed: true, afterUs: now - start))
      }
      for (id, gate) in pending where gate.end <= now {
        pending.removeValue(forKey: id)
        outcomes.append(
          // A gate that never held a lease has its end before all time.
          GateOutcome(gate: gate.gate, confirmed: false, afterUs: max(start, gate.end) - start))
      }
      let earlierLeft = earlierLeasesEnd > now
      guard !pending.isEmpty || earlierLeft else { break }
      if now >= nextNudge {
        nudge(pending.keys)
        nudgePause *= 2
        nextNudge = now + nudgePause
      }
      var wakeAt = pending.values.map(\.end).min() ?? earlierLeasesEnd
      if !pending.isEmpty { wakeAt = min(wakeAt, nextNudge) }
      try await gateConfirmed.wait(after: generation, timeoutMicroseconds: wakeAt - now)
    }
    if earlierLeasesEnd > start {
      outcomes.append(
        GateOutcome(
          gate: Self.earlierGates, confirmed: false, afterUs: earlierLeasesEnd - start))
    }
    outcomes.sort { ($0.gate, $0.afterUs) < ($1.gate, $1.afterUs) }
    return Passage(outcomes: outcomes, durationUs: time.monotonicMicroseconds - start)
  }

  /// Waits until every gate with an open line knows everything up to `position`, at most
  /// `limitMs`. Only a courtesy to the caller: nothing that protects anybody depends on it.
  func settle(at position: UInt64, limitMs: Int) async throws {
    let end = time.monotonicMicroseconds + Int64(limitMs) * 1_000
    while true {
      let generation = gateConfirmed.generation
      let isSettled = state.withLock { state in
        state.registrations.values.allSatisfy { !$0.isConnected || $0.confirmed >= position }
      }
      let left = end - time.monotonicMicroseconds
      if isSettled || left <= 0 { return }
      try await gateConfirmed.wait(after: generation, timeoutMicroseconds: left)
    }
  }

  private func nudge(_ ids: some Collection<UInt64>) {
    let wakes = state.withLock { state in
      ids.compactMap { id -> Signal? in
        guard state.registrations[id]?.isConnected == true else { return nil }
        state.registrations[id]?.nudge = true
        return state.registrations[id]?.wake
      }
    }
    for wake in wakes { wake.notify() }
  }
}
