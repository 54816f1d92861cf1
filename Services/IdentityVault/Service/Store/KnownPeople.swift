package import PrivacyCore
internal import Synchronization

/// People who are recorded under their own pid: bounded, in memory only, so that a look-up of
/// somebody who was asked about before does not go to the store.
///
/// Who is in it is recorded now. A change that takes somebody's row away takes the person out while
/// its transaction runs, so before it is committed; and what was read from a snapshot is put in only
/// when the snapshot knows every such change whose transaction has run.
///
/// A table of pairs of places, of which a pid's second word chooses one: a pair is one line of the
/// processor's cache. Who finds both taken takes one of them over, so that people who are asked about
/// once each cost little more than without the table.
package final class KnownPeople: Sendable {
  private struct State {
    /// Two places to a pair; a pid of zeros: free.
    var places: ContiguousArray<PseudonymousID>
    /// The newest transaction that took somebody's row away, committed or not.
    var changed = LogSequenceNumber.zero
  }

  private static let free = PseudonymousID(words: (0, 0, 0, 0))
  /// For how many look-ups others wait.
  private static let lookupsAtOnce = 128

  private let state: Mutex<State>
  private let pairCount: Int

  /// At most so many people, and nobody below 2. A place takes 32 bytes.
  package init(personCountMax: Int) {
    pairCount = personCountMax / 2
    state = Mutex(State(places: ContiguousArray(repeating: Self.free, count: pairCount * 2)))
  }

  /// The first place of a pid's pair.
  private func pair(of pid: PseudonymousID) -> Int {
    Int(truncatingIfNeeded: pid.words.1.multipliedFullWidth(by: UInt64(pairCount)).high) * 2
  }

  /// For each pid itself where it is known here to be somebody's, and else `nil`.
  package func found(_ pids: [PseudonymousID?]) -> [PseudonymousID?] {
    guard pairCount > 0 else { return Array(repeating: nil, count: pids.count) }
    var found = [PseudonymousID?](repeating: nil, count: pids.count)
    let free = Self.free
    for start in stride(from: 0, to: pids.count, by: Self.lookupsAtOnce) {
      let end = min(pids.count, start + Self.lookupsAtOnce)
      state.withLock { state in
        for index in start..<end {
          guard let pid = pids[index], pid != free else { continue }
          let pair = pair(of: pid)
          if state.places[pair] == pid || state.places[pair + 1] == pid { found[index] = pid }
        }
      }
    }
    return found
  }

  /// Keeps people who the snapshot at `sequence` says are recorded.
  package func insert(_ people: [PseudonymousID], at sequence: LogSequenceNumber) {
    guard pairCount > 0 else { return }
    for start in stride(from: 0, to: people.count, by: Self.lookupsAtOnce) {
      let some = people[start..<min(people.count, start + Self.lookupsAtOnce)]
      state.withLock { state in
        guard sequence >= state.changed else { return }
        for pid in some {
          let pair = pair(of: pid)
          guard state.places[pair] != pid, state.places[pair + 1] != pid else { continue }
          var place = pair
          if state.places[pair] != Self.free {
            let isSecondFree = state.places[pair + 1] == Self.free
            place += isSecondFree ? 1 : Int(truncatingIfNeeded: pid.words.2 & 1)
          }
          state.places[place] = pid
        }
      }
    }
  }

  /// The transaction at `sequence` takes the person's row away. To be called while it runs.
  package func willRemove(_ pid: PseudonymousID, at sequence: LogSequenceNumber) {
    guard pairCount > 0 else { return }
    state.withLock { state in
      state.changed = max(state.changed, sequence)
      let pair = pair(of: pid)
      for place in pair...(pair + 1) where state.places[place] == pid {
        state.places[place] = Self.free
      }
    }
  }
}
