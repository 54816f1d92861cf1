internal import Synchronization

/// Which renamings have their effect everywhere: they are in the ledger, and every gate knows them.
package final class ConfirmedRenamings: Sendable {
  private struct State {
    var rotation: UInt32 = 0
    var number: UInt64 = 0
    var refusedCount = 0
    /// When the first and the last of them were, on the monotonic clock, and how many rows they moved.
    var pace: (start: Int64, end: Int64, rowCount: UInt64) = (0, 0, 0)
  }

  private let state = Mutex(State())

  init() {}

  /// The number of the last one of `rotation`.
  func number(of rotation: UInt32) -> UInt64 {
    state.withLock { $0.rotation == rotation ? $0.number : 0 }
  }

  /// How many could not be recorded since the start.
  var refusedCount: Int { state.withLock { $0.refusedCount } }

  /// Rows that were moved a second, over the last while in which any were.
  var rowsPerSecond: Double {
    state.withLock { state in
      let microseconds = state.pace.end - state.pace.start
      return microseconds > 0 ? Double(state.pace.rowCount) * 1e6 / Double(microseconds) : 0
    }
  }

  /// Everything up to `number` has its effect.
  func confirm(_ number: UInt64, of rotation: UInt32) {
    state.withLock { state in
      guard rotation >= state.rotation else { return }
      if rotation > state.rotation {
        state.rotation = rotation
        state.number = 0
      }
      state.number = max(state.number, number)
    }
  }

  /// Notes renamings that could not be recorded.
  func refuse(_ count: Int) { state.withLock { $0.refusedCount += count } }

  /// Notes that rows were moved between two moments of the monotonic clock.
  func moved(_ rowCount: UInt64, from start: Int64, to end: Int64) {
    state.withLock { state in
      let isGoingOn =
        start - state.pace.end < Self.pauseMicroseconds
        && end - state.pace.start < Self.spanMicroseconds
      if isGoingOn {
        state.pace.end = end
        state.pace.rowCount += rowCount
      } else {
        state.pace = (start, end, rowCount)
      }
    }
  }

  private static let pauseMicroseconds: Int64 = 1_000_000
  private static let spanMicroseconds: Int64 = 10_000_000
}
