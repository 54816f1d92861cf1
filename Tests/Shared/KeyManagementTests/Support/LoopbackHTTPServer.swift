import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A small HTTP server on loopback that notes what it gets and answers as it is told.
final class LoopbackHTTPServer: Sendable {
  /// A request as it came.
  struct Received: Sendable {
    let method: String
    let target: String
    /// With names in lower case.
    let headers: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
  }

  /// What becomes of a request.
  enum Answer: Sendable {
    case reply(Int, headers: [String: String] = [:], body: [UInt8] = [])
    /// Nothing ever comes.
    case silence
    /// The connection ends before a byte of the answer.
    case cut
    /// The connection ends inside the body.
    case cutInside

    static func json(_ status: Int, _ text: String) -> Answer {
      .reply(status, headers: ["Content-Type": "application/json"], body: Array(text.utf8))
    }
  }

  private let state = Mutex<[Received]>([])
  private let connectionCountBox = Mutex(0)
  private let channel = Mutex<(any Channel)?>(nil)
  private let children = Mutex<[any Channel]>([])
  private let answer: @Sendable (Received) async -> Answer

  init(answer: @escaping @Sendable (Received) async -> Answer) { self.answer = answer }

  /// All requests, in the order they came.
  var received: [Received] { state.withLock { $0 } }

  /// How many connections were made.
  var connectionCount: Int { connectionCountBox.withLock { $0 } }

  /// Opens a port and says which.
  func start(port: Int = 0, tls: NIOSSLContext? = nil) async throws -> Int {
    let bound = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        self.connectionCountBox.withLock { $0 += 1 }
        self.children.withLock { $0.append(channel) }
        return channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
          }
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(self))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
    channel.withLock { $0 = bound }
    guard let port = bound.localAddress?.port else { throw NoPort() }
    return port
  }

  struct NoPort: Error {}

  /// Closes the port and all connections.
  func stop() async {
    try? await channel.withLock { $0 }?.close()
    for child in children.withLock({ $0 }) { try? await child.close() }
  }

  fileprivate func take(_ received: Received, from channel: any Channel) {
    state.withLock { $0.append(received) }
    Task {
      switch await answer(received) {
      case .silence: break
      case .cut: channel.close(promise: nil)
      case .cutInside:
        let head = HTTPResponseHead(
          version: .http1_1, status: .ok, headers: ["Content-Length": "100"])
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.writeAndFlush(
          HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: "{\"Cip")))
        ).whenComplete { _ in channel.close(promise: nil) }
      case .reply(let status, let headers, let body):
        var head = HTTPResponseHead(
          version: .http1_1, status: HTTPResponseStatus(statusCode: status))
        for (name, value) in headers { head.headers.add(name: name, value: value) }
        head.headers.add(name: "Content-Length", value: "\(body.count)")
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.write(
          HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
        channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
      }
    }
  }
}

private final class Handler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let server: LoopbackHTTPServer
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []

  init(_ server: LoopbackHTTPServer) { self.server = server }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): (self.head, body) = (head, [])
    case .body(let bytes): body += Array(bytes.readableBytesView)
    case .end:
      guard let head else { return }
      var headers: [String: String] = [:]
      for (name, value) in head.headers { headers[name.lowercased()] = value }
      server.take(
        .init(method: head.method.rawValue, target: head.uri, headers: headers, body: body),
        from: context.channel)
    }
  }
}
