internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// Why something could not be sent. The texts never hold what was sent or answered.
public struct HTTPFailure: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String
}

/// Sends bodies by HTTP/1.1 `POST` to one address over one connection at a time, which it keeps and
/// makes anew when it breaks. Redirections are not followed: who sends signed bodies must know
/// whom to.
public final class HTTPPoster: Sendable {
  private let address: HTTPAddress
  private let tls: NIOSSLContext?
  private let connection = Mutex<(any Channel)?>(nil)

  /// No connection is waited for longer, in milliseconds.
  private static let connectMsMax: Int64 = 10_000

  /// A sender to `address`.
  public init(_ address: HTTPAddress) throws(HTTPFailure) {
    self.address = address
    do {
      tls = address.isSecure ? try NIOSSLContext(configuration: .makeClientConfiguration()) : nil
    } catch {
      throw HTTPFailure(description: "TLS cannot be set up")
    }
  }

  /// Sends `body` and answers the status. Must not be called again before it returns.
  ///
  /// - Parameter timeoutMs: how long it waits for the answer, in milliseconds.
  public func post(
    _ body: [UInt8], headers: [(name: String, value: String)], timeoutMs: Int
  ) async throws(HTTPFailure) -> Int {
    let channel = try await channel()
    do {
      let promise = channel.eventLoop.makePromise(of: Int.self)
      let timer = channel.eventLoop.scheduleTask(in: .milliseconds(Int64(timeoutMs))) {
        promise.fail(HTTPFailure(description: "no answer in \(timeoutMs) ms"))
        channel.close(promise: nil)
      }
      let request = PostRequest(
        address: address, body: body, headers: headers, answer: promise)
      channel.writeAndFlush(request).cascadeFailure(to: promise)
      defer { timer.cancel() }
      return try await promise.futureResult.get()
    } catch {
      close()
      throw (error as? HTTPFailure) ?? HTTPFailure(description: "the connection broke")
    }
  }

  /// Closes the connection. The next call makes another.
  public func close() {
    let channel = connection.withLock { connection in
      defer { connection = nil }
      return connection
    }
    channel?.close(promise: nil)
  }

  private func channel() async throws(HTTPFailure) -> any Channel {
    if let kept = connection.withLock({ $0 }), kept.isActive { return kept }
    let (tls, host) = (tls, address.host)
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.milliseconds(Self.connectMsMax))
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            if let tls {
              // An address has no name to be shown; its certificate is checked against it.
              let name = host.contains(where: \.isLetter) && !host.contains(":") ? host : nil
              try channel.pipeline.syncOperations.addHandler(
                NIOSSLClientHandler(context: tls, serverHostname: name))
            }
            try channel.pipeline.syncOperations.addHTTPClientHandlers(
              leftOverBytesStrategy: .dropBytes)
            try channel.pipeline.syncOperations.addHandler(PostHandler())
          }
        }
        .connect(host: host, port: address.port).get()
      connection.withLock { $0 = channel }
      return channel
    } catch {
      throw HTTPFailure(description: "no connection")
    }
  }
}

/// One request on its way through the pipeline.
private struct PostRequest: Sendable {
  let address: HTTPAddress
  let body: [UInt8]
  let headers: [(name: String, value: String)]
  let answer: EventLoopPromise<Int>
}

/// Writes one request after the other and reads each one's answer.
private final class PostHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundIn = PostRequest
  typealias OutboundOut = HTTPClientRequestPart

  /// No answer may have a longer body, in bytes; nothing but its status is of use.
  private static let bodyByteCountMax = 65_536

  private var waiting: EventLoopPromise<Int>?
  private var status = 0
  private var isKept = true
  private var bodyByteCount = 0

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let request = unwrapOutboundIn(data)
    guard waiting == nil else {
      request.answer.fail(HTTPFailure(description: "one request at a time"))
      promise?.succeed()
      return
    }
    waiting = request.answer
    bodyByteCount = 0
    var headers = HTTPHeaders()
    headers.add(name: "Host", value: request.address.hostHeader)
    headers.add(name: "Content-Length", value: "\(request.body.count)")
    for (name, value) in request.headers { headers.add(name: name, value: value) }
    let head = HTTPRequestHead(
      version: .http1_1, method: .POST, uri: request.address.target, headers: headers)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(
      wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: request.body)))), promise: nil)
    context.write(wrapOutboundOut(.end(nil)), promise: promise)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      status = Int(head.status.code)
      isKept = head.isKeepAlive
    case .body(let bytes):
      bodyByteCount += bytes.readableBytes
      if bodyByteCount > Self.bodyByteCountMax {
        fail("the answer is longer than \(Self.bodyByteCountMax) bytes")
        context.close(promise: nil)
      }
    case .end:
      // Whoever waits may send again at once, so a connection that will not be kept goes first.
      if !isKept { context.close(promise: nil) }
      let answer = waiting
      waiting = nil
      answer?.succeed(status)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail("the connection broke")
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail("the connection was closed")
    context.fireChannelInactive()
  }

  private func fail(_ why: String) {
    let answer = waiting
    waiting = nil
    answer?.fail(HTTPFailure(description: why))
  }
}
