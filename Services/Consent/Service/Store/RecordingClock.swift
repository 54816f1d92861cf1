package import PrivacyCore
internal import Synchronization

/// Gives the times at which receipts are recorded: later with each transaction, also where the
/// machine's clock was set back. What was said of a time that has passed therefore stays true.
package final class RecordingClock: Sendable {
  private struct State {
    var last: Timestamp
    var durable: Timestamp
  }

  private let time: any TimeSource
  private let state: Mutex<State>

  /// - Parameter last: the newest time that an earlier run gave or spoke of.
  package init(time: any TimeSource, last: Timestamp) {
    self.time = time
    state = Mutex(State(last: last, durable: last))
  }

  /// The times of one transaction.
  package struct Stamp: Hashable, Sendable {
    /// What the machine's clock says: from when what is given now counts.
    package let now: Timestamp
    /// When its receipts are recorded: no earlier.
    package let recordedAt: Timestamp
  }

  /// The times of a transaction, to be asked for by its body: bodies run one after the other.
  package func stamp() -> Stamp {
    let now = time.now
    return state.withLock { state in
      state.last = max(now, state.last.advanced(byMicroseconds: 1))
      return Stamp(now: now, recordedAt: state.last)
    }
  }

  /// Notes that the transaction that records at that time is durable, and so are all before it.
  package func isDurable(_ recordedAt: Timestamp) {
    state.withLock { $0.durable = max($0.durable, recordedAt) }
  }

  /// Everything that was or will be recorded by then is durable.
  package var durableThrough: Timestamp { state.withLock { $0.durable } }
}
