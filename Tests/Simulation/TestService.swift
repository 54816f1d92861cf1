import Logging
import RPC
import Simulation
import Synchronization
import Transport
import WireFormat

/// A message that is nothing but its bytes.
struct Blob: WireMessage, Equatable {
  var bytes: [UInt8] = []

  static var messageName: String { "tacit.test.v1.Blob" }

  init() {}

  init(_ text: String) { bytes = Array(text.utf8) }

  init(count: Int) { bytes = [UInt8](repeating: 7, count: count) }

  init(packed bytes: UnsafeRawBufferPointer, limit: UnpackLimit) throws(WireError) {
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

/// The methods that the tests call.
enum Method {
  static let echo = method(1, "Echo", .unary)
  static let chat = method(2, "Chat", .bidirectional)
  static let large = method(3, "Large", .unary)

  private static func method(_ id: UInt32, _ name: String, _ kind: CallKind) -> MethodDescriptor {
    MethodDescriptor(
      id: id, name: "tacit.test.v1.Test/\(name)", kind: kind, scope: "test", isInline: false,
      isIdempotent: true)
  }
}

/// Everybody may call everything.
struct OpenDoor: MethodAuthorizer {
  func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool { true }
}

let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

extension SimulatedProcess {
  /// A server that echoes, on this process's end of the network.
  func echoServer(on endpoint: Endpoint) -> RPCServer {
    var router = Router()
    router.unary(Method.echo) { (request: Blob, context: CallContext) async throws -> Blob in
      Blob("\(context.peer.name): \(request.text)")
    }
    router.unary(Method.large) { (request: Blob, context: CallContext) async throws -> Blob in
      Blob(count: Int(request.text) ?? 0)
    }
    router.bidirectional(Method.chat) {
      (requests: RequestStream<Blob>, replies: ReplyWriter<Blob>, context: CallContext) in
      for try await request in requests { try await replies.send(request) }
    }
    return RPCServer(
      router: router, endpoint: endpoint, security: .plainLoopback, authorizer: OpenDoor(),
      network: network, time: time, log: quiet)
  }

  /// A client on this process's end of the network.
  func client(
    of endpoint: Endpoint, configuration: ClientConfiguration = ClientConfiguration()
  ) throws -> RPCClient {
    try RPCClient(
      endpoints: [endpoint], security: .plainLoopback, configuration: configuration,
      network: network, time: time, random: random, log: quiet)
  }
}

/// What tasks of a simulation note for the test to look at.
final class Record<Value: Sendable>: Sendable {
  private let state: Mutex<Value>

  init(_ value: Value) { state = Mutex(value) }

  var value: Value { state.withLock { $0 } }

  func change(_ body: @Sendable (inout Value) -> Void) { state.withLock { body(&$0) } }
}
