package import PrivacyCore
internal import Synchronization

/// People who are recorded under their own pid: bounded, in memory only, so that a look-up of
/// somebody who was asked about before does not go to the store.
///
/// Who is in it is recorded now. A change that takes somebody's row away takes the person out while
/// its transaction runs, so before it is committed; and what was read from a snapshot is put in only
/// when the snapshot knows every such change whose transaction has run.
package final class KnownPeople: Sendable {
  private struct State {
    // Two generations: who was not asked about during a whole one goes.
    var recent: Set<PseudonymousID> = []
    var older: Set<PseudonymousID> = []
    /// The newest transaction that took somebody's row away, committed or not.
    var changed = LogSequenceNumber.zero
  }

  private let state = Mutex(State())
  private let generationCountMax: Int

  /// For how many look-ups others wait.
  private static let lookupsAtOnce = 128

  /// At most so many people; 0 for none. One takes about 60 bytes.
  package init(personCountMax: Int) { generationCountMax = personCountMax / 2 }

  /// For each pid itself where it is known here to be somebody's, and else `nil`.
  package func found(_ pids: [PseudonymousID?]) -> [PseudonymousID?] {
    var found: [PseudonymousID?] = []
    found.reserveCapacity(pids.count)
    for start in stride(from: 0, to: pids.count, by: Self.lookupsAtOnce) {
      let some = pids[start..<min(pids.count, start + Self.lookupsAtOnce)]
      state.withLock { state in
        for pid in some { found.append(pid.flatMap { contains($0, in: &state) ? $0 : nil }) }
      }
    }
    return found
  }

  private func contains(_ pid: PseudonymousID, in state: inout State) -> Bool {
    if state.recent.contains(pid) { return true }
    guard state.older.remove(pid) != nil else { return false }
    put(pid, in: &state)
    return true
  }

  /// Keeps people who the snapshot at `sequence` says are recorded.
  package func insert(_ people: [PseudonymousID], at sequence: LogSequenceNumber) {
    guard generationCountMax > 0, !people.isEmpty else { return }
    for start in stride(from: 0, to: people.count, by: Self.lookupsAtOnce) {
      let some = people[start..<min(people.count, start + Self.lookupsAtOnce)]
      state.withLock { state in
        guard sequence >= state.changed else { return }
        for pid in some {
          state.older.remove(pid)
          put(pid, in: &state)
        }
      }
    }
  }

  /// The transaction at `sequence` takes the person's row away. To be called while it runs.
  package func willRemove(_ pid: PseudonymousID, at sequence: LogSequenceNumber) {
    state.withLock { state in
      state.changed = max(state.changed, sequence)
      state.recent.remove(pid)
      state.older.remove(pid)
    }
  }

  private func put(_ pid: PseudonymousID, in state: inout State) {
    state.recent.insert(pid)
    guard state.recent.count > generationCountMax else { return }
    state.older = state.recent
    state.recent = []
  }
}
