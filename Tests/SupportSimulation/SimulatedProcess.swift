internal import NIOCore
package import PrivacyCore
internal import Synchronization
package import Transport

/// How far the clocks of a process are from the truth.
package struct ClockFault: Sendable {
  /// What its monotonic clock showed when the world began, in microseconds.
  package var monotonicOffset: Int64
  /// By how much its monotonic clock is fast, in microseconds a second; negative: slow.
  package var drift: Int64
  /// By how much its wall clock is ahead, in microseconds.
  package var wallOffset: Int64

  /// Clocks that show the truth.
  package init(monotonicOffset: Int64 = 0, drift: Int64 = 0, wallOffset: Int64 = 0) {
    self.monotonicOffset = monotonicOffset
    self.drift = drift
    self.wallOffset = wallOffset
  }
}

/// One process of a simulation: an event loop, tasks, clocks and its end of the network. It can be
/// stopped and continued like with SIGSTOP and SIGCONT, and killed like with SIGKILL.
///
/// `@unchecked Sendable`: see `World`.
package final class SimulatedProcess: @unchecked Sendable {
  /// What it is called.
  package let name: String
  /// Where it lives.
  package unowned let world: World
  /// Its clocks.
  package let time: ProcessTime
  /// Its event loop.
  private(set) lazy var loop = SimulatedLoop(self)
  /// Runs its tasks.
  package private(set) lazy var executor = ProcessExecutor(self)
  /// Its randomness, for what takes a source of it.
  package let random: SeededRandom

  private enum Life { case running, stopped, dead }
  private var life = Life.running
  private var roots: [Task<Void, Never>] = []
  /// Ends what would keep a task waiting, when the process is killed.
  private var farewells: [UInt64: () -> Void] = [:]
  private var nextFarewell: UInt64 = 0
  var queue = CircularBuffer<Item>()

  init(_ name: String, world: World, clock: ClockFault) {
    self.name = name
    self.world = world
    time = ProcessTime(clock, world: world)
    random = SeededRandom(seed: world.random.next())
    time.process = self
  }

  // MARK: - Life

  /// Whether it was killed.
  package var isDead: Bool { life == .dead }
  /// Whether it is stopped.
  package var isStopped: Bool { life == .stopped }
  /// The dead may finish: what they do has no effect any more.
  var canStep: Bool { life != .stopped && !queue.isEmpty }

  /// Begins a task of the process, which is cancelled when it is killed.
  package func start(_ body: @escaping @Sendable () async -> Void) {
    guard !isDead else { return }
    roots.append(Task(executorPreference: executor) { await body() })
  }

  /// Takes no further step until `resume()`; what reaches it waits.
  package func stop() { if life == .running { life = .stopped } }

  /// Goes on with what has come meanwhile.
  package func resume() { if life == .stopped { life = .running } }

  /// Ends it between two steps. Its connections break, as the kernel closes them; nothing that is
  /// left of its tasks can reach the network, a disk or an observer.
  package func kill() {
    guard life != .dead else { return }
    life = .dead
    world.network.abandon(self)
    for task in roots { task.cancel() }
    roots = []
    let last = farewells
    farewells = [:]
    for id in last.keys.sorted() { last[id]?() }
  }

  // MARK: - Parts

  /// Its end of the network.
  package var network: any Network { ProcessNetwork(process: self) }

  /// Has `action` run when the process is killed, at once where it is dead already: what its tasks
  /// did on their way out has to end, too. The answer takes it back.
  package func atDeath(_ action: @escaping () -> Void) -> UInt64 {
    nextFarewell += 1
    if isDead {
      action()
    } else {
      farewells[nextFarewell] = action
    }
    return nextFarewell
  }

  /// Takes back what was to be done at the death.
  package func forgetDeath(_ id: UInt64) { farewells[id] = nil }

  /// Puts a step at the end of its queue.
  func enqueue(_ item: Item) {
    world.checkThread()
    queue.append(item)
  }

  /// Runs `action` on its event loop after so many microseconds; not when it is dead by then.
  package func after(_ microseconds: Int64, _ action: @escaping () -> Void) {
    world.after(microseconds, in: self, .loop(action, drop: nil))
  }
}

/// Runs the tasks of one process.
package final class ProcessExecutor: TaskExecutor {
  private let process: SimulatedProcess

  init(_ process: SimulatedProcess) { self.process = process }

  package func enqueue(_ job: consuming ExecutorJob) { process.enqueue(.job(UnownedJob(job))) }
}

/// The clocks of one process.
///
/// `@unchecked Sendable`: see `World`.
package final class ProcessTime: TimeSource, @unchecked Sendable {
  /// Where the wall clocks of a new world stand.
  package static let epoch = Timestamp(seconds: 1_768_048_496)

  private let clock: ClockFault
  private let world: World
  private var jump: Int64 = 0
  fileprivate weak var process: SimulatedProcess?

  init(_ clock: ClockFault, world: World) {
    self.clock = clock
    self.world = world
  }

  private var truth: Int64 { world.now }

  package var now: Timestamp {
    Self.epoch.advanced(byMicroseconds: truth + clock.wallOffset + jump)
  }

  package var monotonicMicroseconds: Int64 {
    clock.monotonicOffset + truth + truth * clock.drift / 1_000_000
  }

  /// Sets the wall clock forward by so many microseconds, or back.
  package func jump(byMicroseconds difference: Int64) { jump += difference }

  /// So much time of this process in true time, rounded up.
  func truth(of microseconds: Int64) -> Int64 {
    guard microseconds < Int64.max / 2_000_000 else { return microseconds }
    return (microseconds * 1_000_000 + 999_999 + max(0, clock.drift)) / (1_000_000 + clock.drift)
  }

  package func sleep(microseconds: Int64) async throws(CancellationError) {
    guard let process else { throw CancellationError() }
    let sleeper = Sleeper(process)
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        guard !Task.isCancelled, !process.isDead else {
          continuation.resume()
          return
        }
        sleeper.wait(continuation, truth(of: microseconds))
      }
    } onCancel: {
      sleeper.wake()
    }
    if Task.isCancelled || process.isDead { throw CancellationError() }
  }
}

/// One sleeping task.
///
/// `@unchecked Sendable`: see `World`.
private final class Sleeper: @unchecked Sendable {
  private let process: SimulatedProcess
  private var continuation: CheckedContinuation<Void, Never>?
  private var farewell: UInt64 = 0

  init(_ process: SimulatedProcess) { self.process = process }

  func wait(_ continuation: CheckedContinuation<Void, Never>, _ microseconds: Int64) {
    self.continuation = continuation
    farewell = process.atDeath { self.wake() }
    process.after(microseconds) { self.wake() }
  }

  func wake() {
    guard let waiting = continuation else { return }
    continuation = nil
    process.forgetDeath(farewell)
    waiting.resume()
  }
}
