internal import PrivacyCore
internal import Synchronization

/// Opened parts of people, so that a second read opens nothing: bounded, in memory only.
///
/// It knows nothing of consent. Whoever reads from it holds a proof for that read, and a purge
/// takes the person out before the gate confirms.
///
/// A part is valid for a snapshot when it was read from the same or an earlier one and the person
/// was not changed since: a change takes the person out before it is submitted, and nobody is put
/// back from a snapshot that was opened before a change ended.
///
/// People stand here under the place of their rows. A move to another place changes nothing of what is
/// known of them, so that they are carried along.
final class PersonCache: Sendable {
  private struct Entry {
    var parts: [PersonPart: PartContent] = [:]
    var sequence: LogSequenceNumber
    var valueCount = 0
  }

  private struct State {
    var recent: [PseudonymousID: Entry] = [:]
    var older: [PseudonymousID: Entry] = [:]
    var recentValueCount = 0
    /// The people being changed, with the number of changes under way.
    var changing: [PseudonymousID: Int] = [:]
    /// Counted up where a change begins, and where it ends.
    var changeCount: UInt64 = 0
  }

  private let state = Mutex(State())
  private let generationValueCountMax: Int

  /// A cache of at most about so many values; one takes up to 32 bytes.
  init(valueCountMax: Int) { generationValueCountMax = valueCountMax / 2 }

  /// The number of changes begun and ended: to be read before a snapshot is opened, and given to `insert`.
  var changeCount: UInt64 { state.withLock { $0.changeCount } }

  /// The number of people in the cache.
  var personCount: Int { state.withLock { $0.recent.count + $0.older.count } }

  /// The parts of a person that are valid for the snapshot at `sequence`.
  func parts(
    of pid: PseudonymousID, at sequence: LogSequenceNumber
  ) -> [PersonPart: PartContent] {
    state.withLock { state in
      if let entry = state.recent[pid] { return entry.sequence <= sequence ? entry.parts : [:] }
      guard let entry = state.older.removeValue(forKey: pid) else { return [:] }
      put(entry, of: pid, in: &state)
      return entry.sequence <= sequence ? entry.parts : [:]
    }
  }

  /// Keeps what was read of a person from the snapshot at `sequence`, unless a change began or
  /// ended since `changeCount` was read.
  func insert(
    _ parts: [PersonPart: PartContent], of pid: PseudonymousID, at sequence: LogSequenceNumber,
    changeCount: UInt64
  ) {
    state.withLock { state in
      guard state.changeCount == changeCount, state.changing[pid] == nil else { return }
      let known = state.recent.removeValue(forKey: pid) ?? state.older.removeValue(forKey: pid)
      state.recentValueCount -= known.map { $0.valueCount } ?? 0
      var entry = known ?? Entry(sequence: sequence)
      entry.sequence = max(entry.sequence, sequence)
      entry.parts.merge(parts) { _, new in new }
      entry.valueCount = entry.parts.values.reduce(16) { $0 + $1.valueCount }
      put(entry, of: pid, in: &state)
    }
  }

  /// Takes people out and keeps them out until `endChange`. To be called before the change is
  /// submitted.
  func beginChange(of pids: some Sequence<PseudonymousID>) {
    state.withLock { state in
      state.changeCount += 1
      for pid in pids {
        state.changing[pid, default: 0] += 1
        if let entry = state.recent.removeValue(forKey: pid) {
          state.recentValueCount -= entry.valueCount
        }
        state.older.removeValue(forKey: pid)
      }
    }
  }

  /// The change is committed, or came to nothing.
  func endChange(of pids: some Sequence<PseudonymousID>) {
    state.withLock { state in
      // Whoever opened a snapshot while the change was under way may not know it.
      state.changeCount += 1
      for pid in pids {
        let count = (state.changing[pid] ?? 1) - 1
        state.changing[pid] = count == 0 ? nil : count
      }
    }
  }

  /// The rows of these people stand at other places, as of `sequence`.
  func carry(
    _ moves: [(from: PseudonymousID, to: PseudonymousID)], at sequence: LogSequenceNumber
  ) {
    state.withLock { state in
      state.changeCount += 1
      for (former, place) in moves {
        let recent = state.recent.removeValue(forKey: former)
        state.recentValueCount -= recent.map { $0.valueCount } ?? 0
        guard var entry = recent ?? state.older.removeValue(forKey: former) else { continue }
        guard state.changing[former] == nil, state.changing[place] == nil,
          state.recent[place] == nil, state.older[place] == nil
        else { continue }
        entry.sequence = max(entry.sequence, sequence)
        put(entry, of: place, in: &state)
      }
    }
  }

  private func put(_ entry: Entry, of pid: PseudonymousID, in state: inout State) {
    state.recent[pid] = entry
    state.recentValueCount += entry.valueCount
    // Two generations: what was not asked for during a whole one goes.
    guard state.recentValueCount > generationValueCountMax else { return }
    state.older = state.recent
    state.recent = [:]
    state.recentValueCount = 0
  }
}
