public import Logging
internal import NIOCore
public import PrivacyCore
internal import Synchronization
public import Transport
public import WireFormat

/// Calls the methods of one server over one connection, which is opened at the first call and
/// again after it was lost. Share one client among all tasks.
public final class RPCClient: Sendable {
  private let connector: ClientConnector
  private let configuration: ClientConfiguration
  private let retryBudget: RetryBudget

  /// A client of the server at `endpoint`. Reads the files of `security` now; connects later.
  public init(
    endpoint: Endpoint, security: ClientSecurity,
    configuration: ClientConfiguration = ClientConfiguration(),
    time: any TimeSource = SystemTime(), random: any RandomSource = SystemRandom(),
    log: Logger = Logger(label: "tacit.rpc.client")
  ) throws(TransportError) {
    self.configuration = configuration
    retryBudget = RetryBudget(tokenCountMax: configuration.retryTokenCountMax)
    var program = configuration.programName
    if program == nil, case .mutualTLS(_, let service?, _) = security {
      program = "tacit-\(service)"
    }
    connector = ClientConnector(
      endpoint: endpoint,
      security: try ClientConnectionSecurity(security, endpoint: endpoint, log: log),
      configuration: configuration, program: program, time: time, random: random, log: log)
  }

  /// Closes the connection. Calls that still run fail with UNAVAILABLE, later ones with CANCELLED.
  public func close() async { await connector.close() }

  /// Makes a call with one request and one reply.
  ///
  /// A call that certainly never reached a handler is made again once. So is an idempotent one
  /// that failed as UNAVAILABLE, within the retry budget.
  public func unary<Request: WireMessage, Reply: WireMessage>(
    _ method: MethodDescriptor, _ request: Request, options: CallOptions = CallOptions()
  ) async throws(RPCError) -> Reply {
    let bytes = ByteBuffer(request)
    let deadline = try prepare(method, options)
    var isRetry = false
    while true {
      switch await attempt(method, bytes, options, deadline) {
      case .success(let reply):
        retryBudget.succeeded()
        return try Reply(reply: reply)
      case .failure(let error, let wasStarted):
        guard !isRetry, error.code == .unavailable, !Task.isCancelled,
          !wasStarted || method.isIdempotent, retryBudget.take()
        else { throw error }
        isRetry = true
      }
    }
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

  /// Checks the options and starts the call's clock.
  private func prepare(
    _ method: MethodDescriptor, _ options: CallOptions
  ) throws(RPCError) -> NIODeadline? {
    if let fault = options.metadata.fault { throw RPCError(.invalidArgument, fault) }
    let timeout = options.timeoutMicroseconds(of: method.kind)
    return timeout == 0 ? nil : .now() + .microseconds(Int64(timeout))
  }

  private func attempt(
    _ method: MethodDescriptor, _ request: ByteBuffer, _ options: CallOptions,
    _ deadline: NIODeadline?
  ) async -> CallResult {
    let connection: Connection
    switch await connector.connection(until: deadline, atOnce: options.connectsAtOnce) {
    case .success(let open): connection = open
    // Nothing was sent, and the connector knows best when to try again.
    case .failure(let error): return .failure(error, wasStarted: true)
    }
    let link = CallLink()
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let call = OutgoingCall(
          link: link, method: method, request: request, metadata: options.metadata,
          trace: options.trace, deadline: deadline, sink: .reply(continuation))
        connection.run { $0.open(call) }
      }
    } onCancel: {
      connection.run { $0.cancel(link) }
    }
  }

  private func openStream(
    _ method: MethodDescriptor, _ request: ByteBuffer?, _ options: CallOptions
  ) async throws(RPCError) -> StreamHandle {
    let deadline = try prepare(method, options)
    let connection = try await connector.connection(
      until: deadline, atOnce: options.connectsAtOnce
    ).get()
    let (link, queue) = (CallLink(), MessageQueue())
    let limits = configuration.limits
    let call = OutgoingCall(
      link: link, method: method, request: request, metadata: options.metadata,
      trace: options.trace, deadline: deadline, sink: .queue(queue))
    let ledger = await withCheckedContinuation { continuation in
      connection.run { handler in
        handler.open(call)
        continuation.resume(returning: handler.ledger)
      }
    }
    return StreamHandle(
      connection: connection, link: link, queue: queue, ledger: ledger,
      readThreshold: limits.streamCredit / 2, cancelsWhenDropped: true)
  }
}

/// Keeps retries a small part of all calls.
final class RetryBudget: Sendable {
  private let tenths: Mutex<Int>
  private let tenthsMax: Int

  init(tokenCountMax: Int) {
    tenthsMax = tokenCountMax * 10
    tenths = Mutex(tenthsMax)
  }

  /// A call succeeded without trouble.
  func succeeded() { tenths.withLock { $0 = min(tenthsMax, $0 + 1) } }

  /// Takes one token if there is one.
  func take() -> Bool {
    tenths.withLock { tenths in
      guard tenths >= 10 else { return false }
      tenths -= 10
      return true
    }
  }
}
