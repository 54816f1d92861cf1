internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// Sends requests by HTTP/1.1 to one address. Connections that the other side keeps are used again,
/// each for one request at a time. Redirections are not followed: who sends signed bodies or keys
/// must know whom to. Any number of tasks may send at once.
public final class HTTPClient: Sendable {
  /// Where it sends.
  public let address: HTTPAddress

  private let tls: NIOSSLContext?
  private let idle = Mutex<[Connection]>([])

  /// No connection is waited for longer, in milliseconds.
  private static let connectMsMax = 10_000
  /// The most connections that are kept while nothing is sent.
  private static let idleCountMax = 4

  /// A client of `address`.
  ///
  /// - Parameter authorityFile: a PEM file of the authorities that TLS trusts instead of the
  ///   system's.
  public init(_ address: HTTPAddress, authorityFile: String? = nil) throws(HTTPFailure) {
    self.address = address
    guard address.isSecure else {
      tls = nil
      return
    }
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.minimumTLSVersion = .tlsv12
    if let authorityFile { configuration.trustRoots = .file(authorityFile) }
    do {
      tls = try NIOSSLContext(configuration: configuration)
    } catch {
      throw HTTPFailure(
        description: authorityFile.map { "\($0) holds no certificates that TLS can trust" }
          ?? "TLS cannot be set up")
    }
  }

  /// Sends a request and waits for the whole answer.
  ///
  /// - Parameter timeoutMs: how long for, in milliseconds, from the connection on.
  public func send(_ request: HTTPRequest, timeoutMs: Int) async throws(HTTPFailure) -> HTTPAnswer {
    let timeoutMs = max(1, timeoutMs)
    let clock = ContinuousClock()
    let start = clock.now
    let connection = try await connection(timeoutMs: timeoutMs)
    let channel = connection.channel
    let leftMs = max(1, Int64(timeoutMs) - Int64((clock.now - start) / .milliseconds(1)))
    do {
      let promise = channel.eventLoop.makePromise(of: Exchange.Outcome.self)
      let timer = channel.eventLoop.scheduleTask(in: .milliseconds(leftMs)) {
        promise.fail(HTTPFailure(description: "no answer in \(timeoutMs) ms", isTimeout: true))
        channel.close(promise: nil)
      }
      defer { timer.cancel() }
      channel.writeAndFlush(Exchange(address: address, request: request, outcome: promise))
        .cascadeFailure(to: promise)
      let outcome = try await promise.futureResult.get()
      keep(connection, outcome.isKept)
      return outcome.answer
    } catch {
      channel.close(promise: nil)
      if let failure = error as? HTTPFailure { throw failure }
      // A handshake may have failed before there was a request that it could be told to.
      throw connection.cause.failure ?? HTTPFailure(error)
    }
  }

  /// Closes the connections that wait. A later call makes others.
  public func close() {
    let connections = idle.withLock { idle in
      defer { idle = [] }
      return idle
    }
    for connection in connections { connection.channel.close(promise: nil) }
  }

  private func keep(_ connection: Connection, _ isKept: Bool) {
    let hasRoom = idle.withLock { idle in
      guard isKept, connection.channel.isActive, idle.count < Self.idleCountMax else {
        return false
      }
      idle.append(connection)
      return true
    }
    if !hasRoom { connection.channel.close(promise: nil) }
  }

  private func connection(timeoutMs: Int) async throws(HTTPFailure) -> Connection {
    while let kept = idle.withLock({ $0.popLast() }) {
      if kept.channel.isActive { return kept }
    }
    let (tls, host, cause) = (tls, address.host, Cause())
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.milliseconds(Int64(min(timeoutMs, Self.connectMsMax))))
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
            try channel.pipeline.syncOperations.addHandler(ExchangeHandler(cause))
          }
        }
        .connect(host: host, port: address.port).get()
      return Connection(channel: channel, cause: cause)
    } catch {
      throw HTTPFailure(error)
    }
  }
}

/// A connection, and why it broke.
private struct Connection: Sendable {
  let channel: any Channel
  let cause: Cause
}

/// Why a connection broke, for whoever comes to it too late to be told.
private final class Cause: Sendable {
  private let first = Mutex<HTTPFailure?>(nil)

  var failure: HTTPFailure? { first.withLock { $0 } }

  func note(_ failure: HTTPFailure) { first.withLock { $0 = $0 ?? failure } }
}

/// One request on its way through the pipeline.
private struct Exchange: Sendable {
  /// The answer, and whether the connection takes another request.
  struct Outcome: Sendable {
    let answer: HTTPAnswer
    let isKept: Bool
  }

  let address: HTTPAddress
  let request: HTTPRequest
  let outcome: EventLoopPromise<Outcome>
}

/// Writes one request after the other and reads each one's answer.
private final class ExchangeHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundIn = Exchange
  typealias OutboundOut = HTTPClientRequestPart

  private let cause: Cause
  private var waiting: EventLoopPromise<Exchange.Outcome>?
  private var head: HTTPResponseHead?
  private var body: [UInt8] = []
  private var byteCountMax = 0

  init(_ cause: Cause) { self.cause = cause }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let exchange = unwrapOutboundIn(data)
    guard waiting == nil else {
      exchange.outcome.fail(HTTPFailure(description: "one request at a time"))
      promise?.succeed()
      return
    }
    let request = exchange.request
    (waiting, head, body) = (exchange.outcome, nil, [])
    byteCountMax = request.answerByteCountMax
    var headers = HTTPHeaders()
    headers.add(name: "Host", value: exchange.address.hostHeader)
    if request.method != .get || !request.body.isEmpty {
      headers.add(name: "Content-Length", value: "\(request.body.count)")
    }
    for (name, value) in request.headers { headers.add(name: name, value: value) }
    let requestHead = HTTPRequestHead(
      version: .http1_1, method: HTTPMethod(rawValue: request.method.rawValue),
      uri: request.target ?? exchange.address.target, headers: headers)
    context.write(wrapOutboundOut(.head(requestHead)), promise: nil)
    if !request.body.isEmpty {
      context.write(
        wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: request.body)))), promise: nil)
    }
    context.write(wrapOutboundOut(.end(nil)), promise: promise)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
    case .body(let bytes):
      guard waiting != nil else { return }
      guard body.count + bytes.readableBytes <= byteCountMax else {
        fail(HTTPFailure(description: "the answer is longer than \(byteCountMax) bytes"))
        context.close(promise: nil)
        return
      }
      body += bytes.readableBytesView
    case .end:
      guard let head, let answer = waiting else { return }
      var headers: [String: String] = [:]
      for (name, value) in head.headers { headers[name.lowercased()] = value }
      waiting = nil
      answer.succeed(
        Exchange.Outcome(
          answer: HTTPAnswer(status: Int(head.status.code), headers: headers, body: body),
          isKept: head.isKeepAlive))
      body = []
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let failure = HTTPFailure(error)
    cause.note(failure)
    fail(failure)
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(HTTPFailure(description: "the connection was closed"))
    context.fireChannelInactive()
  }

  private func fail(_ failure: HTTPFailure) {
    let answer = waiting
    waiting = nil
    answer?.fail(failure)
  }
}
