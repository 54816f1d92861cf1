internal import NIOCore
internal import Synchronization

/// Runs the parts of tasks on the event loop of a client's connection, as many as there are in one
/// turn, and knows that connection: a call that is made from such a task reaches it directly.
///
/// `@unchecked Sendable`: what is not behind the mutex is touched on the event loop alone, which
/// `enqueue` asks for and everything else requires.
final class LoopExecutor: TaskExecutor, @unchecked Sendable {
  let eventLoop: any EventLoop
  /// What was handed over on other threads.
  private let jobs = Mutex<[UnownedJob]>([])

  // On the event loop only, in accesses that are over before anything else is called: the check at
  // run time is left out.
  @exclusivity(unchecked) private var ownJobs: [UnownedJob] = []
  @exclusivity(unchecked) private var turn: [UnownedJob] = []
  /// Whether somebody will run what stands in `ownJobs`.
  @exclusivity(unchecked) private var isDue = false
  /// The connection that takes calls.
  @exclusivity(unchecked) private var handler: ConnectionHandler?

  init(_ eventLoop: any EventLoop) { self.eventLoop = eventLoop }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if eventLoop.inEventLoop {
      ownJobs.append(job)
      runSoon()
      return
    }
    let isFirst = jobs.withLock { jobs in
      jobs.append(job)
      return jobs.count == 1
    }
    if isFirst { eventLoop.execute { self.takeOver() } }
  }

  /// The connection that takes calls, for a task that runs on the event loop now.
  var handlerHere: ConnectionHandler? { eventLoop.inEventLoop ? handler : nil }

  // MARK: On the event loop

  /// The connection is open.
  func opened(_ handler: ConnectionHandler) {
    eventLoop.preconditionInEventLoop()
    self.handler = handler
  }

  /// The connection takes no more calls.
  func closed(_ handler: ConnectionHandler) {
    eventLoop.preconditionInEventLoop()
    if self.handler === handler { self.handler = nil }
    // The end of the read that it may have been in need not come.
    isDue = false
    if !ownJobs.isEmpty { runSoon() }
  }

  /// Lets jobs wait until `endRead`, which must follow: what a read brings is worked on at once.
  func beginRead() { isDue = true }

  /// Runs what has come since `beginRead`.
  func endRead() { runTurn() }

  private func runSoon() {
    guard !isDue else { return }
    isDue = true
    eventLoop.execute { self.runInOneFlush() }
  }

  private func takeOver() {
    let taken = jobs.withLock { jobs in
      let taken = jobs
      jobs = []
      jobs.reserveCapacity(min(taken.count, 256))
      return taken
    }
    ownJobs += taken
    isDue = true
    runInOneFlush()
  }

  private func runInOneFlush() {
    guard let handler else { return runTurn() }
    handler.inOneFlush { _ in runTurn() }
  }

  /// Runs the jobs that are there. Those that come meanwhile have the next turn, so that the
  /// connection has its own.
  private func runTurn() {
    swap(&turn, &ownJobs)
    let executor = asUnownedTaskExecutor()
    for job in turn {
      job.runSynchronously(on: executor)
      handler?.flushPart()
    }
    turn.removeAll(keepingCapacity: turn.count <= 1_024)
    isDue = false
    if !ownJobs.isEmpty { runSoon() }
  }
}
