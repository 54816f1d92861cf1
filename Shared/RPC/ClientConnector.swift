internal import Logging
internal import NIOCore
internal import PrivacyCore
internal import Synchronization
internal import Transport

/// Keeps the one connection of a client: opened when it is first needed, and again after it was
/// lost, with growing pauses.
final class ClientConnector: Sendable {
  typealias Waiter = CheckedContinuation<Result<Connection, RPCError>, Never>

  private enum Phase {
    case idle
    /// A connection is being made by the attempt with this number.
    case connecting(Int)
    case open(Int, Connection)
    case closed
  }

  private struct State {
    var phase = Phase.idle
    var attempt = 0
    var waiters: [UInt64: Waiter] = [:]
    var waiterCount: UInt64 = 0
    var failureCount = 0
    var lastError: RPCError?
    var pausedUntil: Int64 = .min
    /// The open sockets by attempt: the current one, and those that are being drained.
    var channels: [Int: any Channel] = [:]
  }

  let eventLoop: any EventLoop
  let executor: LoopExecutor
  private let endpoint: Endpoint
  private let security: ClientConnectionSecurity
  private let configuration: ClientConfiguration
  private let program: String?
  private let network: any Network
  private let time: any TimeSource
  private let random: any RandomSource
  private let log: Logger
  private let state = Mutex(State())

  init(
    endpoint: Endpoint, security: ClientConnectionSecurity, configuration: ClientConfiguration,
    program: String?, network: any Network, time: any TimeSource, random: any RandomSource,
    log: Logger
  ) {
    self.endpoint = endpoint
    self.security = security
    self.configuration = configuration
    self.program = program
    self.network = network
    self.time = time
    self.random = random
    self.log = log
    eventLoop = network.eventLoop()
    executor = LoopExecutor(eventLoop)
  }

  /// The connection, when it is open.
  var open: Connection? {
    state.withLock { if case .open(_, let connection) = $0.phase { connection } else { nil } }
  }

  /// The open connection, made when there is none.
  ///
  /// - Parameter atOnce: tries to make one also while it pauses after a failure.
  func connection(
    until deadline: NIODeadline?, atOnce: Bool
  ) async -> Result<Connection, RPCError> {
    if let open { return .success(open) }
    let id = state.withLock { state in
      state.waiterCount += 1
      return state.waiterCount
    }
    let timer = deadline.map { deadline in
      eventLoop.scheduleTask(deadline: deadline) { [self] in
        resume(id, .failure(RPCError(.deadlineExceeded, "no connection to \(name) in time")))
      }
    }
    defer { timer?.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { wait($0, id: id, atOnce: atOnce) }
    } onCancel: {
      resume(id, .failure(.cancelled))
    }
  }

  /// How ready it is for a call, best first.
  enum Readiness: Int, Comparable {
    case open, idle, connecting, paused

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  /// How ready it is now.
  var readiness: Readiness {
    let now = time.monotonicMicroseconds
    return state.withLock { state in
      switch state.phase {
      case .open: .open
      case .connecting: .connecting
      case .closed: .paused
      case .idle: now < state.pausedUntil && state.lastError != nil ? .paused : .idle
      }
    }
  }

  /// Makes a connection without waiting for it.
  func openSoon() {
    Task(executorPreference: network.taskExecutor) {
      _ = await self.connection(until: nil, atOnce: false)
    }
  }

  /// Closes the connection and refuses to make another one.
  func close() async {
    let (channels, waiters) = state.withLock { state in
      state.phase = .closed
      defer { state.waiters = [:] }
      return (Array(state.channels.values), Array(state.waiters.values))
    }
    for waiter in waiters { waiter.resume(returning: .failure(Self.closed)) }
    for channel in channels { try? await channel.close() }
  }

  /// How the server is called in messages.
  var name: String { program.map { "\($0) at \(endpoint)" } ?? endpoint.description }

  private static let closed = RPCError(.cancelled, "the client is closed")

  // MARK: - Waiting

  private func wait(_ waiter: Waiter, id: UInt64, atOnce: Bool) {
    enum Step { case done(Result<Connection, RPCError>), wait, connect(Int) }
    let now = time.monotonicMicroseconds
    let isCancelled = Task.isCancelled
    let step: Step = state.withLock { state in
      if isCancelled { return .done(.failure(.cancelled)) }
      switch state.phase {
      case .closed: return .done(.failure(Self.closed))
      case .open(_, let connection): return .done(.success(connection))
      case .connecting:
        state.waiters[id] = waiter
        return .wait
      case .idle:
        if !atOnce, now < state.pausedUntil, let error = state.lastError {
          return .done(.failure(error))
        }
        state.attempt += 1
        state.phase = .connecting(state.attempt)
        state.waiters[id] = waiter
        return .connect(state.attempt)
      }
    }
    switch step {
    case .done(let result): waiter.resume(returning: result)
    case .wait: break
    case .connect(let attempt):
      Task(executorPreference: network.taskExecutor) { await self.connect(attempt) }
    }
  }

  private func resume(_ id: UInt64, _ result: Result<Connection, RPCError>) {
    state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: result)
  }

  // MARK: - Connecting

  private func connect(_ attempt: Int) async {
    let core = ClientCore(
      name: name, schemaFingerprint: configuration.schemaFingerprint, executor: executor,
      onOpen: { [weak self] in self?.opened(attempt, $0) },
      onEnd: { [weak self] in self?.ended(attempt, $0) })
    let (limits, log) = (configuration.limits, log)
    do throws(TransportError) {
      let channel = try await network.connect(
        to: endpoint, security: security, eventLoop: eventLoop,
        timeout: .milliseconds(Int64(configuration.connectTimeoutMs))
      ) { channel, handshake in
        let handler = ConnectionHandler(
          role: .client(core), limits: limits, handshake: handshake, log: log)
        try channel.pipeline.syncOperations.addHandler(handler)
      }
      let isUnwanted = state.withLock { state in
        if case .closed = state.phase { return true }
        state.channels[attempt] = channel
        return false
      }
      channel.closeFuture.whenComplete { [weak self] _ in
        self?.state.withLock { _ = $0.channels.removeValue(forKey: attempt) }
      }
      if isUnwanted { try? await channel.close() }
    } catch {
      ended(attempt, RPCError(.unavailable, "\(error)"))
    }
  }

  private func opened(_ attempt: Int, _ connection: Connection) {
    let waiters: [Waiter] = state.withLock { state in
      guard case .connecting(attempt) = state.phase else { return [] }
      state.phase = .open(attempt, connection)
      state.failureCount = 0
      state.lastError = nil
      defer { state.waiters = [:] }
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter.resume(returning: .success(connection)) }
  }

  private func ended(_ attempt: Int, _ error: RPCError) {
    let now = time.monotonicMicroseconds
    let jitter = Double(random.word() >> 11) / Double(1 << 53)
    let explained = explain(error)
    let waiters: [Waiter] = state.withLock { state in
      switch state.phase {
      case .open(attempt, _):
        // It worked a moment ago: the next call may try at once.
        state.phase = .idle
        return []
      case .connecting(attempt):
        state.phase = .idle
        state.lastError = explained
        let doubled = Double(configuration.backoffMs) * Double(1 << min(state.failureCount, 20))
        let pause = min(doubled, Double(configuration.backoffMsMax)) * (0.5 + 0.5 * jitter)
        state.pausedUntil = now + Int64(pause * 1_000)
        state.failureCount += 1
        defer { state.waiters = [:] }
        return Array(state.waiters.values)
      default: return []
      }
    }
    for waiter in waiters { waiter.resume(returning: .failure(explained)) }
  }

  /// What cannot be reached, why, and what to look at.
  private func explain(_ error: RPCError) -> RPCError {
    var text = error.message
    if !text.hasPrefix("cannot connect") { text = "cannot connect to \(endpoint): \(text)" }
    if text.hasSuffix("connection refused") {
      text += "; is \(program ?? "the service") running?"
    }
    return RPCError(error.code, text, details: error.details)
  }
}
