internal import PrivacyCore
internal import Synchronization

/// Who has something taken away by a transaction that has run, but of which the gates have not been
/// told: what is answered to that person meanwhile has to wait for the gates, too.
///
/// One of which the gates are never told, because it failed, costs its person one barrier for each
/// answer until the next thing is taken away.
final class TakingsInFlight: Sendable {
  private let positions = Mutex<[PseudonymousID: UInt64]>([:])

  /// The receipt at `position` takes something away. To be called while its transaction runs.
  func begin(_ pid: PseudonymousID, at position: UInt64) {
    positions.withLock { $0[pid] = max($0[pid] ?? 0, position) }
  }

  /// The roster knows the receipt at `position`.
  func end(_ pid: PseudonymousID, at position: UInt64) {
    positions.withLock { positions in
      if let newest = positions[pid], newest <= position { positions[pid] = nil }
    }
  }

  func contains(_ pid: PseudonymousID) -> Bool {
    positions.withLock { $0[pid] != nil }
  }
}
