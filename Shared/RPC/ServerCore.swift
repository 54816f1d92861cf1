internal import Logging
internal import PrivacyCore
internal import Synchronization
internal import Transport
internal import WireFormat

/// What all connections of a server share.
final class ServerCore: Sendable {
  let router: Router
  let authorizer: any MethodAuthorizer
  let configuration: ServerConfiguration
  let time: any TimeSource
  let log: Logger
  let drain = DrainSignal()
  let memory: MemoryBudget
  /// Runs the tasks of calls; `nil` for Swift's own pool of threads.
  let taskExecutor: (any TaskExecutor)?

  private struct State {
    var connections: [ObjectIdentifier: Connection] = [:]
    var isDraining = false
  }

  private let state = Mutex(State())
  private let running = Atomic<Int>(0)

  init(
    router: Router, authorizer: any MethodAuthorizer, configuration: ServerConfiguration,
    taskExecutor: (any TaskExecutor)?, time: any TimeSource, log: Logger
  ) {
    self.router = router
    self.authorizer = authorizer
    self.configuration = configuration
    memory = MemoryBudget(byteCountMax: max(16 << 20, configuration.memoryByteCountMax))
    self.taskExecutor = taskExecutor
    self.time = time
    self.log = log
  }

  // MARK: Connections

  enum Admission { case accepted, tooMany, noMemory, draining }

  func add(_ id: ObjectIdentifier, _ connection: Connection) -> Admission {
    state.withLock { state in
      if state.isDraining { return .draining }
      if state.connections.count >= configuration.connectionCountMax { return .tooMany }
      if memory.isFull { return .noMemory }
      state.connections[id] = connection
      return .accepted
    }
  }

  func remove(_ id: ObjectIdentifier) {
    state.withLock { _ = $0.connections.removeValue(forKey: id) }
  }

  var connectionCount: Int { state.withLock { $0.connections.count } }

  func beginDraining() {
    let connections = state.withLock { state in
      state.isDraining = true
      return Array(state.connections.values)
    }
    // The GOAWAYs go first: whoever is told that a stream has ended knows not to open another.
    for connection in connections { connection.run { $0.drain() } }
    drain.begin()
  }

  func closeAll() {
    let connections = state.withLock { Array($0.connections.values) }
    for connection in connections {
      connection.run { $0.fail(RPCError(.unavailable, "the server was stopped")) }
    }
  }

  // MARK: Calls

  var runningCallCount: Int { running.load(ordering: .relaxed) }

  func taskStarted() { running.wrappingAdd(1, ordering: .relaxed) }

  func taskEnded() { running.wrappingSubtract(1, ordering: .relaxed) }

  /// Asks the interceptors whether a call may go on.
  func admit(
    _ method: MethodDescriptor, _ peer: PeerIdentity, _ metadata: Metadata
  ) throws(RPCError) {
    if configuration.interceptors.isEmpty { return }
    let call = IncomingCall(method, peer, metadata)
    for interceptor in configuration.interceptors { try interceptor.admit(call) }
  }

  /// Tells the interceptors how a call ended that had come at `arrival` on the server's clock.
  func finished(
    _ method: MethodDescriptor, _ peer: PeerIdentity, _ code: StatusCode, since arrival: Int64
  ) {
    if configuration.interceptors.isEmpty { return }
    let call = FinishedCall(
      method, peer, code, microseconds: time.monotonicMicroseconds - arrival)
    for interceptor in configuration.interceptors { interceptor.end(call) }
  }
}
