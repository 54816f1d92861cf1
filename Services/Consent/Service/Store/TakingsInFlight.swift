internal import PrivacyCore
internal import Synchronization

/// Who has something taken away by a transaction that has run, but of which the gates have not been
/// told: what is answered to that person meanwhile has to wait for the gates, too.
///
/// One of which the gates are never told, because it failed, costs its person one barrier for each
/// answer until the next thing is taken away.
final class TakingsInFlight: Sendable {
  private struct State {
    var positions: [PseudonymousID: UInt64] = [:]
    /// People who were renamed since.
    var renamed: [PseudonymousID: PseudonymousID] = [:]
  }

  private let state = Mutex(State())

  /// The receipt at `position` takes something away. To be called while its transaction runs.
  func begin(_ pid: PseudonymousID, at position: UInt64) {
    state.withLock { $0.positions[pid] = max($0.positions[pid] ?? 0, position) }
  }

  /// The roster knows the receipt at `position`.
  func end(_ pid: PseudonymousID, at position: UInt64) {
    state.withLock { state in
      for pid in [pid, state.renamed[pid]].compactMap({ $0 }) {
        if let newest = state.positions[pid], newest <= position { state.positions[pid] = nil }
      }
      if state.positions[pid] == nil { state.renamed[pid] = nil }
    }
  }

  /// The person known as `former` is `pid` from here on. To be called while the transaction that says
  /// so runs.
  func rename(_ former: PseudonymousID, to pid: PseudonymousID) {
    state.withLock { state in
      guard let position = state.positions[former] else { return }
      state.positions[pid] = max(state.positions[pid] ?? 0, position)
      state.renamed[former] = pid
    }
  }

  func contains(_ pid: PseudonymousID) -> Bool {
    state.withLock { $0.positions[pid] != nil }
  }
}
