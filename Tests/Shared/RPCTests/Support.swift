import Logging
import PrivacyCore
import RPC
import Synchronization
import Transport
import WireFormat

/// A message that is nothing but its bytes. One that begins with 0xFF cannot be decoded.
struct Blob: WireMessage, Equatable {
  var bytes: [UInt8] = []

  static var messageName: String { "tacit.test.v1.Blob" }

  init() {}

  init(_ text: String) { bytes = Array(text.utf8) }

  init(count: Int, of byte: UInt8 = 7) { bytes = [UInt8](repeating: byte, count: count) }

  init(packed bytes: UnsafeRawBufferPointer, limit: UnpackLimit) throws(WireError) {
    if bytes.first == 0xFF { throw .invalidText(field: "Blob.text") }
    self.bytes = Array(bytes)
  }

  func packed() -> [UInt8] { bytes }

  func withPacked<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let outcome = bytes.withUnsafeBytes { bytes in
      Swift.Result { () throws(Failure) in try body(bytes) }
    }
    return try outcome.get()
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// The methods of the service that the tests call.
enum Method {
  static let echo = method(1, "Echo", .unary, isIdempotent: true)
  static let append = method(2, "Append", .unary)
  static let fail = method(3, "Fail", .unary)
  static let sleep = method(4, "Sleep", .unary)
  static let missing = method(5, "Missing", .unary)
  static let forbidden = method(6, "Forbidden", .unary)
  static let repeated = method(7, "Repeat", .serverStreaming)
  static let join = method(8, "Join", .clientStreaming)
  static let chat = method(9, "Chat", .bidirectional)
  static let context = method(10, "Context", .unary)
  static let hold = method(11, "Hold", .bidirectional)
  static let flaky = method(12, "Flaky", .unary, isIdempotent: true)

  private static func method(
    _ id: UInt32, _ name: String, _ kind: CallKind, isIdempotent: Bool = false
  ) -> MethodDescriptor {
    MethodDescriptor(
      id: id, name: "tacit.test.v1.Test/\(name)", kind: kind, scope: "test.\(name.lowercased())",
      isInline: false, isIdempotent: isIdempotent)
  }
}

/// Lets everybody do everything but `forbidden`.
struct AlmostAll: MethodAuthorizer {
  func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool {
    method != Method.forbidden
  }
}

/// What the handlers saw, for the tests to look at.
final class Observations: ServerInterceptor {
  private let state = Mutex<(cancelled: Int, running: Int, finished: [FinishedCall], calls: Int)>(
    (0, 0, [], 0))

  var cancelledCount: Int { state.withLock { $0.cancelled } }
  var runningCount: Int { state.withLock { $0.running } }
  var callCount: Int { state.withLock { $0.calls } }
  var finished: [FinishedCall] { state.withLock { $0.finished } }

  func noteCancelled() { state.withLock { $0.cancelled += 1 } }
  func noteRunning(_ change: Int) { state.withLock { $0.running += change } }
  func end(_ call: FinishedCall) { state.withLock { $0.finished.append(call) } }
  func noteCall() -> Int {
    state.withLock { state in
      state.calls += 1
      return state.calls
    }
  }
}

/// An error that nobody mapped.
struct UnmappedError: Error { let secret = "the text that must not leave" }

/// An error of a service that knows its status.
enum ShopError: RPCErrorConvertible {
  case closed
  case burntDown

  var rpcError: RPCError {
    switch self {
    case .closed:
      RPCError(
        .failedPrecondition, "the shop is closed", details: [StatusDetail("opens-at", "9:00")])
    case .burntDown: RPCError(.internalError, "")
    }
  }
}

func testRouter(_ seen: Observations = Observations()) -> Router {
  var router = Router()
  router.unary(Method.echo) { (request: Blob, context: CallContext) async throws -> Blob in request
  }
  router.unary(Method.append) { (request: Blob, context: CallContext) async throws -> Blob in
    Blob(request.text + "!")
  }
  router.unary(Method.fail) { (request: Blob, context: CallContext) async throws -> Blob in
    switch request.text {
    case "mapped": throw ShopError.closed
    case "mapped fault": throw ShopError.burntDown
    case "rpc": throw RPCError(.notFound, "nothing here")
    default: throw UnmappedError()
    }
  }
  router.unary(Method.sleep) { (request: Blob, context: CallContext) async throws -> Blob in
    seen.noteRunning(1)
    defer { seen.noteRunning(-1) }
    do {
      try await Task.sleep(for: .seconds(60))
    } catch {
      seen.noteCancelled()
      throw error
    }
    return request
  }
  router.unary(Method.forbidden) { (request: Blob, context: CallContext) async throws -> Blob in
    _ = seen.noteCall()
    return request
  }
  router.unary(Method.flaky) { (request: Blob, context: CallContext) async throws -> Blob in
    if seen.noteCall() == 1 { throw RPCError(.unavailable, "not now") }
    return request
  }
  router.unary(Method.context) { (request: Blob, context: CallContext) async throws -> Blob in
    let left = context.deadline.map { $0.remainingMicroseconds(context.time) > 0 }
    return Blob(
      [
        context.peer.spiffeID, context.metadata["tenant"] ?? "-",
        context.trace.map { Hexadecimal.encode($0.traceID) } ?? "-",
        left.map { "\($0)" } ?? "no deadline", context.method.name,
      ].joined(separator: "|"))
  }
  router.serverStreaming(Method.repeated) {
    (request: Blob, replies: ReplyWriter<Blob>, context: CallContext) async throws in
    seen.noteRunning(1)
    defer { seen.noteRunning(-1) }
    let parts = request.text.split(separator: " ")
    guard parts.count >= 2, let count = Int(parts[0]), let byteCount = Int(parts[1]) else {
      throw RPCError(.invalidArgument, "write: count bytes")
    }
    do {
      for _ in 0..<count { try await replies.send(Blob(count: byteCount)) }
    } catch {
      seen.noteCancelled()
      throw error
    }
    if parts.count == 3 { throw RPCError(.dataLoss, "after \(count)") }
  }
  router.clientStreaming(Method.join) {
    (requests: RequestStream<Blob>, context: CallContext) async throws -> Blob in
    var joined: [UInt8] = []
    for try await request in requests {
      if request.text == "stop" { return Blob("stopped") }
      joined += request.bytes
    }
    return Blob("\(joined.count):" + String(decoding: joined.prefix(64), as: UTF8.self))
  }
  router.bidirectional(Method.chat) {
    (requests: RequestStream<Blob>, replies: ReplyWriter<Blob>, context: CallContext) async throws
    in
    for try await request in requests { try await replies.send(request) }
  }
  router.bidirectional(Method.hold) {
    (requests: RequestStream<Blob>, replies: ReplyWriter<Blob>, context: CallContext) async throws
    in
    seen.noteRunning(1)
    defer { seen.noteRunning(-1) }
    do {
      try await Task.sleep(for: .seconds(60))
    } catch {
      seen.noteCancelled()
      throw error
    }
  }
  return router
}

/// A server on a free loopback port and a client of it.
struct Pair {
  let server: RPCServer
  let client: RPCClient
  let endpoint: Endpoint
  let seen: Observations
}

/// Runs `body` with a server and a client, and stops both afterwards.
func withPair<Result>(
  router: Router? = nil,
  serverLimits: ConnectionLimits = ConnectionLimits(),
  clientLimits: ConnectionLimits = ConnectionLimits(),
  security: (server: ServerSecurity, client: ClientSecurity) = (.plainLoopback, .plainLoopback),
  log: Logger = quietLog,
  _ body: (Pair) async throws -> Result
) async throws -> Result {
  let seen = Observations()
  var configuration = ServerConfiguration()
  configuration.limits = serverLimits
  configuration.interceptors.append(seen)
  let server = RPCServer(
    router: router ?? testRouter(seen), endpoint: try Endpoint("127.0.0.1:0"),
    security: security.server,
    authorizer: AlmostAll(), configuration: configuration, log: log)
  let endpoint = try await server.start()
  var clientConfiguration = ClientConfiguration()
  clientConfiguration.limits = clientLimits
  let client = try RPCClient(
    endpoint: endpoint, security: security.client, configuration: clientConfiguration,
    log: quietLog)
  do {
    let result = try await body(
      Pair(server: server, client: client, endpoint: endpoint, seen: seen))
    await client.close()
    await server.drain(timeoutMs: 0)
    return result
  } catch {
    await client.close()
    await server.drain(timeoutMs: 0)
    throw error
  }
}

/// A log that nobody reads.
let quietLog = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A log whose lines a test reads.
final class ReadLog: LogHandler, Sendable {
  private let kept = Mutex<[String]>([])

  var lines: [String] { kept.withLock { $0 } }
  var logger: Logger { Logger(label: "test") { _ in self } }

  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    kept.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
  }
}

/// Waits, ten seconds at most, until something is so.
func eventually(_ condition: () -> Bool) async -> Bool {
  for _ in 0..<5_000 {
    if condition() { return true }
    try? await Task.sleep(for: .milliseconds(2))
  }
  return condition()
}

/// The error that `body` throws.
func rpcError<Value>(_ body: () async throws(RPCError) -> Value) async -> RPCError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error
  }
}
