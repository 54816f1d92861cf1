public import Logging
internal import NIOCore
public import PrivacyCore
internal import Synchronization
public import Transport
public import WireFormat

/// Calls the methods of a service: at one server, or at several that stand for each other.
/// Connections are opened at the first call and again after they were lost. Share one client among
/// all tasks.
public final class RPCClient: Sendable {
  private let pool: ConnectorPool
  private let configuration: ClientConfiguration
  private let retryBudget: RetryBudget
  private let time: any TimeSource

  /// A client of the servers at `endpoints`. Reads the files of `security` now, and again when they
  /// are replaced; connects later.
  public convenience init(
    endpoints: [Endpoint], security: ClientSecurity,
    configuration: ClientConfiguration = ClientConfiguration(),
    time: any TimeSource = SystemTime(), random: any RandomSource = SystemRandom(),
    log: Logger = Logger(label: "tacit.rpc.client")
  ) throws(TransportError) {
    try self.init(
      endpoints: endpoints, security: security, configuration: configuration,
      network: SocketNetwork(), time: time, random: random, log: log)
  }

  /// The same on a network of the caller's choice.
  package init(
    endpoints: [Endpoint], security: ClientSecurity, configuration: ClientConfiguration,
    network: any Network, time: any TimeSource, random: any RandomSource, log: Logger
  ) throws(TransportError) {
    precondition(!endpoints.isEmpty, "a client needs the endpoint of at least one server")
    self.configuration = configuration
    self.time = time
    retryBudget = RetryBudget(tokenCountMax: configuration.retryTokenCountMax)
    var program = configuration.programName
    if program == nil, case .mutualTLS(_, let service?, _) = security {
      program = "tacit-\(service)"
    }
    var connectors: [ClientConnector] = []
    for endpoint in endpoints {
      let opened = try ClientConnectionSecurity(security, endpoint: endpoint, log: log)
      for _ in 0..<max(1, configuration.connectionsPerEndpoint) {
        connectors.append(
          ClientConnector(
            endpoint: endpoint, security: opened, configuration: configuration, program: program,
            network: network, time: time, random: random, log: log))
      }
    }
    pool = ConnectorPool(connectors)
  }

  /// A client of the server at `endpoint`.
  public convenience init(
    endpoint: Endpoint, security: ClientSecurity,
    configuration: ClientConfiguration = ClientConfiguration(),
    time: any TimeSource = SystemTime(), random: any RandomSource = SystemRandom(),
    log: Logger = Logger(label: "tacit.rpc.client")
  ) throws(TransportError) {
    try self.init(
      endpoints: [endpoint], security: security, configuration: configuration, time: time,
      random: random, log: log)
  }

  /// Runs tasks on the event loop of this client's (first) connection. A task that does little but
  /// make calls is quickest there: no call changes threads, and what many tasks ask for goes out
  /// together. Such a task must never block, and never compute for long: the connection waits.
  ///
  ///     Task(executorPreference: client.executor) { try await consent.check(request) }
  public var executor: any TaskExecutor { pool.executor }

  /// Closes the connections. Calls that still run fail with UNAVAILABLE, later ones with CANCELLED.
  public func close() async { await pool.close() }

  /// Makes a call with one request and one reply.
  ///
  /// A call that certainly never reached a handler is made again once. So is an idempotent one
  /// that failed as UNAVAILABLE, within the retry budget.
  // `nonisolated(nonsending)`, here and below: a call that is made where its task runs already does
  // not look for its executor again at every step.
  public nonisolated(nonsending) func unary<Request: WireMessage, Reply: WireMessage>(
    _ method: MethodDescriptor, _ request: Request, options: CallOptions = CallOptions()
  ) async throws(RPCError) -> Reply {
    if !configuration.interceptors.isEmpty {
      return try await observed(method, options) { options throws(RPCError) in
        let deadline = try prepare(method, options)
        return try Reply(
          reply: try await reply(
            to: ByteBuffer(request), method, options, until: deadline, isRetry: false))
      }
    }
    if options.metadata.isEmpty, options.trace == nil, !Task.isCancelled,
      let handler = pool.only?.connector.executor.handlerHere, let connection = handler.own,
      let call = handler.openInPlace(
        method, request, timeoutUs: options.timeoutMicroseconds(of: .unary))
    {
      let id = call.id
      await withTaskCancellationHandler {
        await withUnsafeContinuation { handler.wait(for: call, $0) }
      } onCancel: {
        connection.run { $0.cancel(stream: id) }
      }
      guard let failure = call.failure else {
        retryBudget.succeeded()
        let reply = try Reply(reply: call.reply)
        if connection.eventLoop.inEventLoop { handler.recycle(call) }
        return reply
      }
      guard mayRetry(method, failure.error, wasStarted: failure.wasStarted) else {
        throw failure.error
      }
      // The time that the call has had counts.
      let deadline = call.deadline == .distantFuture ? nil : call.deadline
      return try Reply(
        reply: try await reply(
          to: ByteBuffer(request), method, options, until: deadline, isRetry: true))
    }
    let deadline = try prepare(method, options)
    return try Reply(
      reply: try await reply(
        to: ByteBuffer(request), method, options, until: deadline, isRetry: false))
  }

  /// Makes a call with one request and many replies.
  public func serverStreaming<Request: WireMessage, Reply: WireMessage>(
    _ method: MethodDescriptor, _ request: Request, options: CallOptions = CallOptions()
  ) async throws(RPCError) -> ReplyStream<Reply> {
    ReplyStream(try await openStream(method, ByteBuffer(request), options))
  }

  /// Makes a call with many requests and one reply.
  public func clientStreaming<Request: WireMessage, Reply: WireMessage>(
    _ method: MethodDescriptor, options: CallOptions = CallOptions()
  ) async throws(RPCError) -> ClientStream<Request, Reply> {
    ClientStream(try await openStream(method, nil, options))
  }

  /// Makes a call with many messages in both directions at once.
  public func bidirectional<Request: WireMessage, Reply: WireMessage>(
    _ method: MethodDescriptor, options: CallOptions = CallOptions()
  ) async throws(RPCError) -> ClientStream<Request, Reply> {
    ClientStream(try await openStream(method, nil, options))
  }

  // MARK: - Parts

  private func mayRetry(_ method: MethodDescriptor, _ error: RPCError, wasStarted: Bool) -> Bool {
    guard error.code == .unavailable, !Task.isCancelled else { return false }
    // What no handler has seen costs no server anything: the budget is for calls that may have run.
    return !wasStarted || (method.isIdempotent && retryBudget.take())
  }

  private nonisolated(nonsending) func reply(
    to request: ByteBuffer, _ method: MethodDescriptor, _ options: CallOptions,
    until deadline: NIODeadline?, isRetry: Bool
  ) async throws(RPCError) -> ByteBuffer {
    // A retry goes to another server where there is one.
    var tried: [ConnectorPool.Member] = []
    var isRetry = isRetry
    while true {
      switch await attempt(method, request, options, deadline, isRetry: isRetry, &tried) {
      case .success(let reply):
        retryBudget.succeeded()
        return reply
      case .failure(let error, let wasStarted):
        guard !isRetry, mayRetry(method, error, wasStarted: wasStarted) else { throw error }
        isRetry = true
      }
    }
  }

  /// Checks the options and starts the call's clock.
  private func prepare(
    _ method: MethodDescriptor, _ options: CallOptions
  ) throws(RPCError) -> NIODeadline? {
    if let fault = options.metadata.fault { throw RPCError(.invalidArgument, fault) }
    let timeout = options.timeoutMicroseconds(of: method.kind)
    return timeout == 0 ? nil : pool.now + .microseconds(Int64(timeout))
  }

  /// Runs a call between the interceptors.
  private nonisolated(nonsending) func observed<Answer>(
    _ method: MethodDescriptor, _ options: CallOptions,
    _ body: nonisolated(nonsending) (CallOptions) async throws(RPCError) -> Answer
  ) async throws(RPCError) -> Answer {
    var options = options
    for interceptor in configuration.interceptors { try interceptor.begin(method, &options) }
    let began = time.monotonicMicroseconds
    func end(_ code: StatusCode) {
      let microseconds = time.monotonicMicroseconds - began
      for interceptor in configuration.interceptors {
        interceptor.end(method, code, microseconds: microseconds)
      }
    }
    do throws(RPCError) {
      let answer = try await body(options)
      end(.ok)
      return answer
    } catch {
      end(error.code)
      throw error
    }
  }

  /// An open connection of the best server that was not tried yet; of any, where all were.
  private nonisolated(nonsending) func connection(
    until deadline: NIODeadline?, _ options: CallOptions, _ tried: inout [ConnectorPool.Member]
  ) async -> Result<(Connection, ConnectorPool.Member), RPCError> {
    if let member = pool.only {
      return await member.connector.connection(until: deadline, atOnce: options.connectsAtOnce)
        .map { ($0, member) }
    }
    var lastError: RPCError?
    while true {
      guard let member = pool.pick(tried: tried) ?? (lastError == nil ? pool.pick(tried: []) : nil)
      else { return .failure(lastError ?? .cancelled) }
      tried.append(member)
      switch await member.connector.connection(until: deadline, atOnce: options.connectsAtOnce) {
      case .success(let open): return .success((open, member))
      // Nothing was sent: another server may do.
      case .failure(let error):
        guard error.code == .unavailable, !Task.isCancelled else { return .failure(error) }
        lastError = error
      }
    }
  }

  private nonisolated(nonsending) func attempt(
    _ method: MethodDescriptor, _ request: ByteBuffer, _ options: CallOptions,
    _ deadline: NIODeadline?, isRetry: Bool, _ tried: inout [ConnectorPool.Member]
  ) async -> CallResult {
    let connection: Connection
    let member: ConnectorPool.Member
    var timeoutUs: UInt64 = 0
    if let only = pool.only, let open = only.connector.open {
      (connection, member) = (open, only)
      // No time has passed yet.
      if !isRetry { timeoutUs = options.timeoutMicroseconds(of: method.kind) }
    } else {
      switch await self.connection(until: deadline, options, &tried) {
      case .success(let open): (connection, member) = open
      // Nothing was sent, and the connectors know best when to try again.
      case .failure(let error): return .failure(error, wasStarted: true)
      }
    }
    member.begin()
    defer { member.end() }
    let (link, timeLeftUs) = (CallLink(), timeoutUs)
    return await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let call = OutgoingCall(
          link: link, method: method, request: request, metadata: options.metadata,
          trace: options.trace, deadline: deadline, timeoutUs: timeLeftUs,
          sink: .reply(continuation))
        connection.run { $0.open(call) }
      }
    } onCancel: {
      connection.run { $0.cancel(link) }
    }
  }

  private func openStream(
    _ method: MethodDescriptor, _ request: ByteBuffer?, _ options: CallOptions
  ) async throws(RPCError) -> StreamHandle {
    try await observed(method, options) { options throws(RPCError) in
      let deadline = try prepare(method, options)
      var tried: [ConnectorPool.Member] = []
      let (connection, member) = try await connection(until: deadline, options, &tried).get()
      let (link, queue) = (CallLink(), MessageQueue())
      let limits = configuration.limits
      let call = OutgoingCall(
        link: link, method: method, request: request, metadata: options.metadata,
        trace: options.trace, deadline: deadline, sink: .queue(queue))
      member.begin()
      let ledger = await withCheckedContinuation { continuation in
        connection.run { handler in
          handler.open(call)
          continuation.resume(returning: handler.ledger)
        }
      }
      return StreamHandle(
        connection: connection, link: link, queue: queue, ledger: ledger,
        readThreshold: limits.streamCredit / 2, cancelsWhenDropped: true, onDrop: member.end)
    }
  }
}

/// Keeps retries a small part of all calls.
final class RetryBudget: Sendable {
  private let tenths: Atomic<Int>
  private let tenthsMax: Int

  init(tokenCountMax: Int) {
    tenthsMax = tokenCountMax * 10
    tenths = Atomic(tenthsMax)
  }

  /// A call succeeded without trouble.
  func succeeded() {
    var current = tenths.load(ordering: .relaxed)
    while current < tenthsMax {
      let (isDone, original) = tenths.weakCompareExchange(
        expected: current, desired: current + 1, ordering: .relaxed)
      if isDone { return }
      current = original
    }
  }

  /// Takes one token if there is one.
  func take() -> Bool {
    var current = tenths.load(ordering: .relaxed)
    while current >= 10 {
      let (isDone, original) = tenths.weakCompareExchange(
        expected: current, desired: current - 10, ordering: .relaxed)
      if isDone { return true }
      current = original
    }
    return false
  }
}
