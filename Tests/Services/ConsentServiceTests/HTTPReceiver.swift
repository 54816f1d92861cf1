import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A small HTTP server on loopback that notes what it gets and answers as it is told.
final class HTTPReceiver: Sendable {
  /// A request as it came.
  struct Received: Sendable {
    let target: String
    let headers: [String: String]
    let body: [UInt8]

    /// The position in the change's header.
    var sequence: UInt64 { UInt64(headers["tacit-sequence"] ?? "") ?? 0 }
  }

  private let state = Mutex<[Received]>([])
  private let channel = Mutex<(any Channel)?>(nil)
  private let answer: @Sendable (Received, Int) -> Int

  /// - Parameter answer: the status for a request and how many came before; 0 closes the
  ///   connection instead.
  init(answer: @escaping @Sendable (Received, Int) -> Int = { _, _ in 204 }) {
    self.answer = answer
  }

  var received: [Received] { state.withLock { $0 } }

  /// The positions of what it took, in the order they came.
  func taken() -> [UInt64] { received.map(\.sequence) }

  /// Opens a port and says which.
  func start(port: Int = 0) async throws -> Int {
    let bound = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(self))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
    channel.withLock { $0 = bound }
    guard let port = bound.localAddress?.port else { throw Missing(description: "no port") }
    return port
  }

  func stop() async {
    let bound = channel.withLock { $0 }
    try? await bound?.close()
  }

  fileprivate func take(_ received: Received) -> Int {
    let before = state.withLock { state in
      state.append(received)
      return state.count - 1
    }
    return answer(received, before)
  }
}

private final class Handler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let receiver: HTTPReceiver
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []

  init(_ receiver: HTTPReceiver) { self.receiver = receiver }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): (self.head, body) = (head, [])
    case .body(let bytes): body += Array(bytes.readableBytesView)
    case .end:
      guard let head else { return }
      var headers: [String: String] = [:]
      for (name, value) in head.headers { headers[name.lowercased()] = value }
      let status = receiver.take(
        HTTPReceiver.Received(target: head.uri, headers: headers, body: body))
      guard status > 0 else { return context.close(promise: nil) }
      let response = HTTPResponseHead(
        version: .http1_1, status: HTTPResponseStatus(statusCode: status),
        headers: ["Content-Length": "0"])
      context.write(wrapOutboundOut(.head(response)), promise: nil)
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
  }
}
