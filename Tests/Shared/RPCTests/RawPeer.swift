import NIOCore
import NIOPosix
import RPC
import Synchronization
import Testing
import Transport
import WireFormat

/// The other end of a connection, byte by byte: what no honest peer would send.
final class RawPeer: Sendable {
  private struct State {
    var received: [UInt8] = []
    var isClosed = false
  }

  private let state = Mutex(State())
  private let channel = Mutex<(any Channel)?>(nil)

  /// Connects to a server.
  ///
  /// - Parameter receiveBuffer: how many bytes the kernel keeps unread, about.
  static func connect(
    to endpoint: Endpoint, receiveBuffer: Int? = nil, security: ClientSecurity = .plainLoopback
  ) async throws -> RawPeer {
    let peer = RawPeer()
    let network = SocketNetwork()
    let channel = try await network.connect(
      to: endpoint,
      security: ClientConnectionSecurity(security, endpoint: endpoint, log: quietLog),
      eventLoop: network.eventLoop(), timeout: .seconds(5)
    ) { channel, _ in
      try channel.pipeline.syncOperations.addHandler(Recorder(peer: peer))
    }
    if let receiveBuffer {
      try await channel.setOption(.socketOption(.so_rcvbuf), value: receiveBuffer).get()
    }
    peer.channel.withLock { $0 = channel }
    return peer
  }

  /// Connects and exchanges HELLOs.
  static func greeted(
    _ endpoint: Endpoint, _ hello: Hello = .usual, receiveBuffer: Int? = nil,
    security: ClientSecurity = .plainLoopback
  ) async throws -> RawPeer {
    let peer = try await connect(
      to: endpoint, receiveBuffer: receiveBuffer, security: security)
    try await peer.send(.hello, payload: hello.packed())
    let reply = try await peer.next()
    #expect(reply?.frame.kind == UInt32(FrameKind.hello.rawValue))
    return peer
  }

  /// Reads on, or lets everything lie.
  func read(_ isReading: Bool) async throws {
    try await channel.withLock { $0 }?.setOption(.autoRead, value: isReading).get()
  }

  /// Reads about so many bytes, after `read(false)`.
  func readOnce(_ byteCount: Int) async throws {
    guard let channel = channel.withLock({ $0 }) else { return }
    try await channel.setOption(
      .recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: byteCount)
    ).get()
    try await channel.setOption(.maxMessagesPerRead, value: 1).get()
    channel.read()
  }

  func send(_ bytes: [UInt8]) async throws {
    let channel = channel.withLock { $0 }
    try await channel?.writeAndFlush(ByteBuffer(bytes: bytes)).get()
  }

  func send(
    _ kind: FrameKind, stream: UInt32 = 0, method: UInt32 = 0, flags: UInt32 = 0,
    credit: UInt32 = 0, payload: [UInt8] = []
  ) async throws {
    try await send(
      Self.bytes(
        kind, stream: stream, method: method, flags: flags, credit: credit, payload: payload))
  }

  static func bytes(
    _ kind: FrameKind, stream: UInt32 = 0, method: UInt32 = 0, flags: UInt32 = 0,
    credit: UInt32 = 0, payload: [UInt8] = []
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    FrameCodec.append(
      Frame(
        kind: UInt32(kind.rawValue), stream: stream, method: method, flags: flags, credit: credit),
      payload: payload, to: &bytes)
    return bytes
  }

  /// The next frame; `nil` when the connection closes first.
  func next() async throws -> (frame: Frame, payload: [UInt8])? {
    _ = await eventually { state.withLock { $0.isClosed || Self.hasFrame($0.received) } }
    let body: [UInt8]? = state.withLock { state in
      guard Self.hasFrame(state.received) else { return nil }
      let byteCount = Self.length(state.received)
      let body = Array(state.received[4..<4 + byteCount])
      state.received.removeFirst(4 + byteCount)
      return body
    }
    guard let body else { return nil }
    let received = try body.withUnsafeBytes { try FrameCodec.read($0) }
    return (received.frame, Array(body[received.payload]))
  }

  /// Reads up to the GOAWAY and then to the close; the message of the GOAWAY.
  func goaway() async throws -> String? {
    while let (frame, payload) = try await next() {
      guard frame.kind == UInt32(FrameKind.goaway.rawValue) else { continue }
      let isClosed = await eventually { state.withLock { $0.isClosed } }
      #expect(isClosed, "the connection must close behind a GOAWAY")
      return try Goaway(packed: payload).message
    }
    return nil
  }

  var isClosed: Bool { state.withLock { $0.isClosed } }

  func close() async { try? await channel.withLock { $0 }?.close() }

  fileprivate func adopt(_ accepted: any Channel) { channel.withLock { $0 = accepted } }

  private static func hasFrame(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 4 && bytes.count >= 4 + length(bytes)
  }

  private static func length(_ bytes: [UInt8]) -> Int {
    bytes[0..<4].reduce(0) { $0 << 8 | Int($1) }
  }

  fileprivate final class Recorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let peer: RawPeer

    init(peer: RawPeer) { self.peer = peer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = Array(unwrapInboundIn(data).readableBytesView)
      peer.state.withLock { $0.received += bytes }
    }

    func channelInactive(context: ChannelHandlerContext) {
      peer.state.withLock { $0.isClosed = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      context.close(promise: nil)
    }
  }
}

/// A server, byte by byte: each accepted connection is handed to `script`.
final class RawServer: Sendable {
  let endpoint: Endpoint
  private let channel: any Channel

  init(_ script: @escaping @Sendable (RawPeer) async throws -> Void) async throws {
    channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let peer = RawPeer()
          peer.adopt(channel)
          try channel.pipeline.syncOperations.addHandler(RawPeer.Recorder(peer: peer))
          Task { try await script(peer) }
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    endpoint = try Endpoint(host: "127.0.0.1", port: channel.localAddress?.port ?? 0)
  }

  func close() async { try? await channel.close() }
}

extension Hello {
  /// What an honest client says.
  static var usual: Hello {
    var hello = Hello()
    hello.version = 1
    hello.frameByteCountMax = 4 << 20
    hello.streamCountMax = 100
    hello.streamCredit = 1 << 20
    hello.connectionCredit = 4 << 20
    hello.role = "client"
    return hello
  }
}
