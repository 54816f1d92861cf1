package import Dispatch
package import NIOCore

/// The event loop of a simulated process: its steps are steps of the world.
///
/// `@unchecked Sendable`: see `World`.
package final class SimulatedLoop: EventLoop, @unchecked Sendable {
  private unowned let process: SimulatedProcess

  init(_ process: SimulatedProcess) { self.process = process }

  package var inEventLoop: Bool { process.world.isInLoop(of: process) }

  package var now: NIODeadline {
    .uptimeNanoseconds(UInt64(max(0, process.time.monotonicMicroseconds)) * 1_000)
  }

  package func execute(_ task: @escaping @Sendable () -> Void) {
    process.enqueue(.loop(task, drop: nil))
  }

  package func scheduleTask<Value>(
    in delay: TimeAmount, _ task: @escaping @Sendable () throws -> Value
  ) -> Scheduled<Value> {
    let promise = makePromise(of: Value.self)
    let state = TimerState()
    // Never early: what asks again because its time has not come would ask for ever.
    let microseconds = max(0, delay.nanoseconds) / 1_000 + 1
    let run = {
      guard state.begin() else { return }
      do {
        promise.assumeIsolated().succeed(try task())
      } catch {
        promise.fail(error)
      }
    }
    let drop = { if state.begin() { promise.fail(EventLoopError.cancelled) } }
    process.world.after(
      process.time.truth(of: microseconds), in: process, .loop(run, drop: drop))
    // Its own `cancel` fails the promise.
    return Scheduled(promise: promise) { _ = state.begin() }
  }

  package func scheduleTask<Value>(
    deadline: NIODeadline, _ task: @escaping @Sendable () throws -> Value
  ) -> Scheduled<Value> {
    scheduleTask(in: max(.nanoseconds(0), deadline - now), task)
  }

  package func shutdownGracefully(
    queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void
  ) {
    // It lives as long as its process.
    queue.async { callback(EventLoopError.unsupportedOperation) }
  }
}

/// Whether a timer has run or was cancelled.
///
/// `@unchecked Sendable`: see `World`.
private final class TimerState: @unchecked Sendable {
  private var isOver = false

  /// Yes for the first who asks.
  func begin() -> Bool {
    defer { isOver = true }
    return !isOver
  }
}
