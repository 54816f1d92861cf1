internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import Synchronization

/// One snapshot for many reads with waiting in between: a thread of its own stays inside
/// `SealedStore.read` and runs what it is given, until `close()`. A store in memory needs no thread:
/// it keeps every version.
///
/// What a snapshot sees cannot be reused on disk, so there are few of these, and none for long.
final class HeldSnapshot: Sendable {
  private struct Job: Sendable {
    let run: @Sendable (borrowing ReadSnapshot) -> Void
    let fail: @Sendable (any Error) -> Void
  }

  private struct Queue {
    var jobs: [Job] = []
    var isClosed = false
    /// Why there is no snapshot.
    var failure: (any Error)?
  }

  private let queue = Mutex(Queue())
  private let arrival = DispatchSemaphore(value: 0)
  private let memory: (store: SealedStore, position: LogSequenceNumber)?

  /// Opens a snapshot of `store` as it is now.
  init(of store: SealedStore) {
    memory = store.isInMemory ? (store, store.lastSequence) : nil
    guard memory == nil else { return }
    let thread = Thread { [self] in run(store) }
    thread.name = "held snapshot"
    thread.stackSize = 1 << 20
    thread.start()
  }

  /// Runs `body` on the snapshot.
  func read<Answer: Sendable>(
    _ body: @escaping @Sendable (borrowing ReadSnapshot) throws -> Answer
  ) async throws -> Answer {
    if let memory { return try memory.store.read(asOf: memory.position, body) }
    return try await withCheckedThrowingContinuation { continuation in
      let job = Job(
        run: { snapshot in
          continuation.resume(with: Result { try body(snapshot) })
        },
        fail: { continuation.resume(throwing: $0) })
      let failure = queue.withLock { queue -> (any Error)? in
        guard !queue.isClosed else { return queue.failure ?? StoreError.closed }
        queue.jobs.append(job)
        return nil
      }
      if let failure { job.fail(failure) } else { arrival.signal() }
    }
  }

  /// Lets the snapshot go.
  func close() {
    queue.withLock { $0.isClosed = true }
    arrival.signal()
  }

  private func run(_ store: SealedStore) {
    do {
      try store.read { snapshot in
        while true {
          arrival.wait()
          let (job, isClosed) = queue.withLock { queue in
            (queue.jobs.isEmpty ? nil : queue.jobs.removeFirst(), queue.isClosed)
          }
          if let job { job.run(snapshot) } else if isClosed { return }
        }
      }
    } catch {
      let jobs = queue.withLock { queue in
        queue.isClosed = true
        queue.failure = error
        defer { queue.jobs = [] }
        return queue.jobs
      }
      for job in jobs { job.fail(error) }
    }
  }
}
