internal import Foundation
internal import Glibc
internal import Synchronization

/// A thread that steps back behind those that callers wait for, for work that takes a while: the pool
/// that answers calls must not be kept busy with it.
final class Backstage: Sendable {
  private struct Queue {
    var jobs: [@Sendable () -> Void] = []
    var isClosed = false
  }

  private let queue = Mutex(Queue())
  private let arrival = DispatchSemaphore(value: 0)

  /// How much the thread steps back: a nice value.
  private static let niceness: Int32 = 10

  init(name: String) {
    let thread = Thread { [self] in run() }
    thread.name = name
    thread.stackSize = 1 << 20
    thread.start()
  }

  /// Runs `body` on the thread. Not to be called after `close()`.
  func run<Answer: Sendable>(_ body: @escaping @Sendable () throws -> Answer) async throws -> Answer
  {
    try await withCheckedThrowingContinuation { continuation in
      queue.withLock { queue in
        queue.jobs.append { continuation.resume(with: Result { try body() }) }
      }
      arrival.signal()
    }
  }

  /// Ends the thread when everything is done.
  func close() {
    queue.withLock { $0.isClosed = true }
    arrival.signal()
  }

  private func run() {
    _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
    while true {
      arrival.wait()
      let (job, isClosed) = queue.withLock { queue in
        (queue.jobs.isEmpty ? nil : queue.jobs.removeFirst(), queue.isClosed)
      }
      if let job { job() } else if isClosed { return }
    }
  }
}
