public import Logging
internal import NIOCore
public import PrivacyCore
internal import Synchronization
public import Transport
public import WireFormat

/// Decides who may call what, before the payload is looked at.
public protocol MethodAuthorizer: Sendable {
  /// Whether the peer may call the method. Called on the event loop for every call: quick, never
  /// waiting.
  func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool
}

/// One call that has ended, for logs and metrics.
public struct FinishedCall: Sendable {
  /// The method.
  public let method: MethodDescriptor
  /// Who called.
  public let peer: PeerIdentity
  /// How it ended.
  public let code: StatusCode
  /// From the CALL to the end, in microseconds.
  public let microseconds: Int64

  init(_ method: MethodDescriptor, _ peer: PeerIdentity, _ code: StatusCode, microseconds: Int64) {
    self.method = method
    self.peer = peer
    self.code = code
    self.microseconds = microseconds
  }
}

/// Settings of a server.
public struct ServerConfiguration: Sendable {
  /// The limits of each connection.
  public var limits = ConnectionLimits()

  /// The most connections at once; more are closed as they come. 1,024 by default.
  public var connectionCountMax = 1_024

  /// The most bytes that the server holds on behalf of its clients, whatever they do; 1 GiB by
  /// default, 16 MiB or more. Beside it a process has what its handlers and stores take.
  public var memoryByteCountMax = 1 << 30

  /// The fingerprint of the schemas this build was made from, told in HELLO; 0: not told.
  public var schemaFingerprint: UInt64 = 0

  /// Look at every call, in this order.
  public var interceptors: [any ServerInterceptor] = []

  /// The usual settings.
  public init() {}
}

/// Accepts connections and answers calls: one task for each call.
public final class RPCServer: Sendable {
  private enum Phase {
    case idle
    case serving(Listener)
    case draining
    case stopped
  }

  private let endpoint: Endpoint
  private let security: ServerSecurity
  private let core: ServerCore
  private let network: any Network
  private let phase = Mutex(Phase.idle)

  /// A server that answers what `router` knows on `endpoint` (port 0: any free port).
  public convenience init(
    router: Router, endpoint: Endpoint, security: ServerSecurity,
    authorizer: any MethodAuthorizer, configuration: ServerConfiguration = ServerConfiguration(),
    time: any TimeSource = SystemTime(), log: Logger
  ) {
    self.init(
      router: router, endpoint: endpoint, security: security, authorizer: authorizer,
      configuration: configuration, network: SocketNetwork(), time: time, log: log)
  }

  /// The same on a network of the caller's choice.
  package init(
    router: Router, endpoint: Endpoint, security: ServerSecurity,
    authorizer: any MethodAuthorizer, configuration: ServerConfiguration = ServerConfiguration(),
    network: any Network, time: any TimeSource, log: Logger
  ) {
    self.endpoint = endpoint
    self.security = security
    self.network = network
    core = ServerCore(
      router: router, authorizer: authorizer, configuration: configuration,
      taskExecutor: network.taskExecutor, time: time, log: log)
  }

  /// Starts to listen. Returns the endpoint with the port that is really used.
  @discardableResult
  public func start() async throws(TransportError) -> Endpoint {
    let core = core
    let listener = try await network.listen(on: endpoint, security: security, log: core.log) {
      channel, handshake in
      let handler = ConnectionHandler(
        role: .server(core), limits: core.configuration.limits, handshake: handshake, log: core.log)
      try channel.pipeline.syncOperations.addHandler(handler)
    }
    phase.withLock { $0 = .serving(listener) }
    return listener.endpoint
  }

  /// Whether the server takes new calls.
  public var isServing: Bool {
    phase.withLock { if case .serving = $0 { true } else { false } }
  }

  /// Whether the server only finishes what it has begun.
  public var isDraining: Bool {
    phase.withLock { if case .draining = $0 { true } else { false } }
  }

  /// The calls whose handlers run now.
  public var runningCallCount: Int { core.runningCallCount }

  /// Stops: no new connections or calls, the running ones finish within `timeoutMs`, the rest is
  /// cancelled. Returns whether all finished by themselves. Harmless when repeated.
  @discardableResult
  public func drain(timeoutMs: Int = 10_000) async -> Bool {
    let listener: Listener? = phase.withLock { phase in
      defer { phase = .draining }
      if case .serving(let listener) = phase { return listener }
      return nil
    }
    await listener?.close()
    core.beginDraining()
    let deadline = core.time.monotonicMicroseconds + Int64(timeoutMs) * 1_000
    // An overslept millisecond more or less is nothing beside a shutdown. A cancelled task cannot
    // wait: then the time is up at once.
    while core.connectionCount > 0 || core.runningCallCount > 0, !Task.isCancelled,
      core.time.monotonicMicroseconds < deadline
    {
      try? await core.time.sleep(milliseconds: 2)
    }
    let isClean = core.connectionCount == 0 && core.runningCallCount == 0
    core.closeAll()
    phase.withLock { $0 = .stopped }
    return isClean
  }
}
