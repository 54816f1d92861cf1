package import PrivacyCore
internal import Synchronization

/// Wakes tasks that wait for something to change. It counts the changes, so that none is missed
/// between a look and the wait that follows.
package final class Signal: Sendable {
  private struct State {
    var generation: UInt64 = 0
    var nextWaiter: UInt64 = 0
    var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
  }

  private let time: any TimeSource
  private let state = Mutex(State())

  /// - Parameter time: the clock that waits with a limit are measured with.
  package init(time: any TimeSource = SystemTime()) { self.time = time }

  /// How many changes there were. Read it before looking at what may have changed.
  package var generation: UInt64 { state.withLock { $0.generation } }

  /// Tells of a change.
  package func notify() {
    let waiters = state.withLock { state in
      state.generation += 1
      defer { state.waiters.removeAll() }
      return state.waiters
    }
    for waiter in waiters.values { waiter.resume() }
  }

  /// Returns once there was a change after `generation`.
  package func wait(after generation: UInt64) async throws(CancellationError) {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          guard state.generation == generation, !Task.isCancelled else { return true }
          state.waiters[id] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      self.resume(id)
    }
    if Task.isCancelled { throw CancellationError() }
  }

  /// Returns once there was a change after `generation`, or when the time is up.
  package func wait(
    after generation: UInt64, timeoutMicroseconds: Int64
  ) async throws(CancellationError) {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await self.wait(after: generation) }
      group.addTask { try? await self.time.sleep(microseconds: timeoutMicroseconds) }
      await group.next()
      group.cancelAll()
    }
    if Task.isCancelled { throw CancellationError() }
  }

  private func resume(_ id: UInt64) {
    state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
  }
}
