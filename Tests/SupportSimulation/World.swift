internal import Glibc
package import PrivacyCore

/// A room of simulated processes with a network between them and a clock of its own.
///
/// Everything that happens in it happens on one thread, in an order that only the seed decides:
/// which process takes the next step, how long a frame travels, what fails. The same seed gives the
/// same history, step by step. Time passes only in the simulation; a minute of it costs what its
/// steps cost.
///
/// `@unchecked Sendable`: only the thread inside `run` touches it; a step that strays to another
/// thread ends the program, because the history would not be repeatable.
package final class World: @unchecked Sendable {
  /// What decides everything.
  package let seed: UInt64
  /// True time in microseconds since the beginning.
  package private(set) var now: Int64 = 0
  /// How many steps were taken.
  package private(set) var stepCount = 0
  /// Draws for whatever the history leaves open.
  package var random: SplitMix64
  /// The network between the processes.
  package private(set) lazy var network = SimulatedNetwork(world: self)
  /// What runs after each step, for checkers.
  package var observer: ((SimulatedProcess) -> Void)?

  private var agenda = Agenda()
  private var processes: [SimulatedProcess] = []
  private var current: (process: SimulatedProcess, isLoop: Bool)?
  private var thread: pthread_t?

  /// An empty room.
  package init(seed: UInt64) {
    self.seed = seed
    random = SplitMix64(seed: seed)
  }

  // MARK: - Running

  /// Lets time pass until `end`, or until `isOver` says so after a step.
  package func run(until end: Int64, unless isOver: () -> Bool = { false }) {
    thread = pthread_self()
    defer { thread = nil }
    while !isOver() {
      queueWhatIsDue()
      if let process = nextProcess() {
        step(process)
        continue
      }
      guard let next = agenda.nextTime, next <= end else {
        now = max(now, end)
        return
      }
      now = next
    }
  }

  /// Lets so many microseconds pass.
  package func run(for microseconds: Int64) { run(until: now + microseconds) }

  /// Ends every process and lets their tasks come to their end, so that nothing of them is left.
  package func end() {
    for process in processes { process.kill() }
    network.closeAll()
    run(until: now)
    thread = pthread_self()
    defer { thread = nil }
    // What fails at the end may leave one more step behind.
    while true {
      let left = agenda.takeAll()
      for entry in left { entry.action.drop() }
      queueWhatIsDue()
      var didStep = false
      while let process = nextProcess() {
        step(process)
        didStep = true
      }
      if left.isEmpty, !didStep { break }
    }
    processes = []
  }

  private func queueWhatIsDue() {
    while let entry = agenda.take(dueAt: now) {
      guard let process = entry.process else {
        entry.action.run(on: nil)
        continue
      }
      if process.isDead { entry.action.drop() } else { process.queue.append(entry.action) }
    }
  }

  private func nextProcess() -> SimulatedProcess? {
    var count = 0
    var chosen: SimulatedProcess?
    // Each of those that could go on is as likely as the others.
    for process in processes where process.canStep {
      count += 1
      if count == 1 || random.next() % UInt64(count) == 0 { chosen = process }
    }
    return chosen
  }

  private func step(_ process: SimulatedProcess) {
    guard let item = process.queue.popFirst() else { return }
    stepCount += 1
    // A step takes a while; how long is of no importance, but that clocks move in between is.
    now += Int64(random.next() & 3)
    current = (process, item.isLoop)
    item.run(on: process)
    current = nil
    observer?(process)
  }

  // MARK: - Parts

  /// A new process.
  ///
  /// - Parameters:
  ///   - name: what links of the network are called by; the next life of a process has it again.
  ///   - clock: how far its clocks are from the truth.
  package func process(_ name: String, clock: ClockFault = ClockFault()) -> SimulatedProcess {
    let process = SimulatedProcess(name, world: self, clock: clock)
    processes.append(process)
    return process
  }

  /// Forgets the processes that are dead and have come to their end.
  package func bury() { processes.removeAll { $0.isDead && $0.queue.isEmpty } }

  /// Runs `action` after so many microseconds, outside of all processes.
  package func after(_ microseconds: Int64, _ action: @escaping () -> Void) {
    agenda.add(at: now + max(0, microseconds), for: nil, .loop(action, drop: nil))
  }

  func after(_ microseconds: Int64, in process: SimulatedProcess, _ item: Item) {
    let (time, overflow) = now.addingReportingOverflow(max(0, microseconds))
    agenda.add(at: overflow ? .max : time, for: process, item)
  }

  func isInLoop(of process: SimulatedProcess) -> Bool {
    current.map { $0.process === process && $0.isLoop } ?? false
  }

  /// Runs `body` as if it were a step of the process's event loop.
  func inLoop<Result>(of process: SimulatedProcess, _ body: () -> Result) -> Result {
    let outer = current
    current = (process, true)
    defer { current = outer }
    return body()
  }

  /// Ends the program where a step of the simulation came from another thread.
  func checkThread() {
    guard let thread else { return }
    precondition(
      pthread_equal(thread, pthread_self()) != 0,
      "a step of the simulation came from another thread: something does not run where it was told")
  }
}

extension Item {
  var isLoop: Bool { if case .loop = self { true } else { false } }

  func run(on process: SimulatedProcess?) {
    switch self {
    case .loop(let action, _): action()
    case .job(let job):
      guard let process else { return }
      job.runSynchronously(on: process.executor.asUnownedTaskExecutor())
    }
  }

  /// What is left to do when the item will never run.
  func drop() { if case .loop(_, let drop?) = self { drop() } }
}
