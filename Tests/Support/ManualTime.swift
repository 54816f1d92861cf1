package import PrivacyCore
internal import Synchronization

/// A clock that only moves when a test moves it.
package final class ManualTime: TimeSource {
  private let state: Mutex<(now: Timestamp, monotonic: Int64)>

  /// Stands still at `now`.
  package init(now: Timestamp = Timestamp(seconds: 1_768_048_496)) {
    state = Mutex((now, 0))
  }

  package var now: Timestamp { state.withLock { $0.now } }

  package var monotonicMicroseconds: Int64 { state.withLock { $0.monotonic } }

  /// Moves both clocks.
  package func advance(microseconds: Int64) {
    state.withLock { state in
      state.now = state.now.advanced(byMicroseconds: microseconds)
      state.monotonic += microseconds
    }
  }

  /// Sets the wall clock alone, as an administrator or a time server would.
  package func jump(to now: Timestamp) { state.withLock { $0.now = now } }
}
