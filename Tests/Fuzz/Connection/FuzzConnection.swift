internal import CommonAPI
internal import FuzzDriver
internal import Glibc
internal import HealthAPI
internal import Logging
internal import RPC
internal import Synchronization
internal import Transport
internal import WireFormat

/// A real server on loopback that is sent whatever bytes there are, behind a good HELLO or not. It
/// must end each such connection by itself or when the other side does, and answer the next good
/// call.
@main
enum FuzzConnection {
  static func main() async throws {
    let server = try await Target()
    target.withLock { $0 = server }
    fuzz { bytes, count in
      FuzzConnection.run(UnsafeRawBufferPointer(start: bytes, count: count))
      return 0
    }
  }

  private static let target = Mutex<Target?>(nil)
  private static let runCount = Atomic<Int>(0)

  private static func run(_ bytes: UnsafeRawBufferPointer) {
    guard let target = target.withLock({ $0 }), let first = bytes.first else { return }
    let count = runCount.wrappingAdd(1, ordering: .relaxed).newValue
    var sent = first & 1 == 0 ? target.hello : []
    if first & 2 == 0 {
      // With a right length in front, so that the bytes get further.
      let length = UInt32(bytes.count - 1)
      sent += (0..<4).map { UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * $0)) }
    }
    sent += bytes.dropFirst()
    target.send(sent)
    if count % 256 == 0 { target.checkGoodCall() }
  }
}

/// The server and what is known of it.
private final class Target: Sendable {
  let hello: [UInt8]
  private let server: RPCServer
  private let client: RPCClient
  private let port: UInt16

  init() async throws {
    let log = Logger(label: "fuzz", factory: { _ in SwiftLogNoOpLogHandler() })
    var router = Router()
    Health().register(on: &router)
    server = RPCServer(
      router: router, endpoint: try Endpoint("127.0.0.1:0"), security: .plainLoopback,
      authorizer: Everybody(), log: log)
    let endpoint = try await server.start()
    port = UInt16(endpoint.port)
    client = try RPCClient(endpoint: endpoint, security: .plainLoopback, log: log)
    let greeting = Hello(
      version: 1, frameByteCountMax: 4 << 20, streamCountMax: 64, streamCredit: 1 << 20,
      connectionCredit: 4 << 20, role: "client", build: "fuzz")
    var frame: [UInt8] = []
    FrameCodec.append(
      Frame(kind: UInt32(FrameKind.hello.rawValue)), payload: greeting.packed(), to: &frame)
    hello = frame
  }

  /// Sends the bytes, says that no more come, and reads until the server closes.
  func send(_ bytes: [UInt8]) {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var patience = timeval(tv_sec: 10, tv_usec: 0)
    setsockopt(
      socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    let isOpen = withUnsafeBytes(of: &address) { raw in
      connect(
        socket, raw.assumingMemoryBound(to: sockaddr.self).baseAddress,
        socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
    }
    guard isOpen else { fatalError("the server accepts no connection") }
    _ = bytes.withUnsafeBytes {
      Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    shutdown(socket, Int32(SHUT_WR))
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = recv(socket, &buffer, buffer.count, 0)
      if count > 0 { continue }
      // A reset is an end, too; silence is not.
      guard count == 0 || errno == ECONNRESET else {
        fatalError("the server keeps a connection whose other side has ended")
      }
      return
    }
  }

  /// A call of a well-behaved client, which must be answered.
  func checkGoodCall() {
    let isDone = DispatchFlag()
    Task {
      let reply = try? await HealthClient(client).check(CheckRequest())
      if reply?.state != .ready { fatalError("the server no longer answers good calls") }
      isDone.set()
    }
    for _ in 0..<10_000 where !isDone.isSet { usleep(1_000) }
    guard isDone.isSet else { fatalError("the server no longer answers") }
  }
}

private final class DispatchFlag: Sendable {
  private let flag = Atomic<Bool>(false)
  var isSet: Bool { flag.load(ordering: .acquiring) }
  func set() { flag.store(true, ordering: .releasing) }
}

private struct Everybody: MethodAuthorizer {
  func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool { true }
}

private struct Health: HealthServing {
  func check(_ request: CheckRequest, context: CallContext) async throws -> CheckReply {
    CheckReply(state: .ready)
  }
  func status(_ request: StatusRequest, context: CallContext) async throws -> ServiceStatus {
    ServiceStatus()
  }
}
