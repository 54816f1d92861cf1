internal import NIOCore
internal import Synchronization

/// Runs the parts of tasks on an event loop, as many as there are in one turn.
final class LoopExecutor: TaskExecutor {
  private let eventLoop: any EventLoop
  private let jobs = Mutex<[UnownedJob]>([])

  init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let isFirst = jobs.withLock { jobs in
      jobs.append(job)
      return jobs.count == 1
    }
    if isFirst { eventLoop.execute { self.run() } }
  }

  private func run() {
    let turn = jobs.withLock { jobs in
      let turn = jobs
      jobs = []
      jobs.reserveCapacity(min(turn.count, 256))
      return turn
    }
    for job in turn { job.runSynchronously(on: asUnownedTaskExecutor()) }
  }
}
