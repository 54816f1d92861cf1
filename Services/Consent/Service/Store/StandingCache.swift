package import ConsentAPI
package import PrivacyCore
internal import Synchronization

/// What counts for people, decoded: bounded, in memory only, so that a check of somebody who was
/// asked about before neither opens nor decodes anything.
///
/// An entry is what counts now. A change takes its person out while its transaction runs, so before
/// it is committed; and what was read from a snapshot is put in only when the snapshot knows every
/// change whose transaction has run. So whoever finds an entry finds no less than everything that
/// was acknowledged before.
package final class StandingCache: Sendable {
  /// What counts for one person.
  package final class Standing: Sendable {
    package let state: PersonState

    init(_ state: PersonState) { self.state = state }
  }

  private struct State {
    // Two generations: what was not asked for during a whole one goes.
    var recent: [PseudonymousID: Standing] = [:]
    var older: [PseudonymousID: Standing] = [:]
    /// The newest transaction that changed somebody, committed or not.
    var changed = LogSequenceNumber.zero
  }

  private let state = Mutex(State())
  private let generationCountMax: Int

  /// A cache of at most so many people; 0 for none. One takes about 400 bytes.
  package init(personCountMax: Int) { generationCountMax = personCountMax / 2 }

  /// What counts for a person, where that is known here.
  package func standing(of pid: PseudonymousID) -> Standing? {
    state.withLock { state in
      if let found = state.recent[pid] { return found }
      guard let found = state.older.removeValue(forKey: pid) else { return nil }
      put(found, of: pid, in: &state)
      return found
    }
  }

  /// Keeps what the snapshot at `sequence` says of a person.
  package func insert(
    _ found: PersonState, of pid: PseudonymousID, at sequence: LogSequenceNumber
  ) {
    guard generationCountMax > 0 else { return }
    let found = Standing(found)
    state.withLock { state in
      guard sequence >= state.changed else { return }
      state.older[pid] = nil
      put(found, of: pid, in: &state)
    }
  }

  /// The transaction at `sequence` changes a person. To be called while it runs.
  package func willChange(_ pid: PseudonymousID, at sequence: LogSequenceNumber) {
    state.withLock { state in
      state.changed = max(state.changed, sequence)
      state.recent[pid] = nil
      state.older[pid] = nil
    }
  }

  private func put(_ found: Standing, of pid: PseudonymousID, in state: inout State) {
    state.recent[pid] = found
    guard state.recent.count > generationCountMax else { return }
    state.older = state.recent
    state.recent = [:]
  }
}
