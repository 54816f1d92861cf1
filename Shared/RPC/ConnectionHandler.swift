internal import Logging
internal import NIOCore
internal import NIOTLS
internal import PrivacyCore
internal import Transport
internal import WireFormat

/// One connection, on either side: speaks the protocol of docs/PROTOCOL.md over the bytes below
/// it. Lives on its event loop; `Connection` is how others reach it.
///
/// This file holds the life of the connection; its extensions hold the frames, the streams, the
/// clock and what is special to a server or a client.
final class ConnectionHandler: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// Which side this is, with what only that side has.
  enum Role {
    case server(ServerCore)
    case client(ClientCore)
  }

  enum Phase {
    /// TLS is being set up.
    case connecting
    /// Our HELLO is sent; the peer's has not come.
    case greeting
    case open
    case closed
  }

  let role: Role
  let limits: ConnectionLimits
  let handshake: Handshake
  let log: Logger

  var context: ChannelHandlerContext?
  var phase = Phase.connecting
  var scanner: FrameScanner
  var peerHello = Hello()
  /// The reason for the end, for calls that still run when the connection closes.
  var closeReason: RPCError?

  // Streams.
  var streams: [UInt32: CallStream] = [:]
  /// The highest stream id that was opened.
  var lastStream: UInt32 = 0
  /// The highest stream id that is still served, once a GOAWAY was sent or received.
  var goawayStream: UInt32?
  var line = CircularBuffer<CallStream>()
  var sendCredit = 0
  var receiveCredit: Int
  let ledger: CreditLedger

  // A server's handlers that still run although their calls have ended.
  var endedRunningCount = 0
  // A client's calls that wait for a free stream.
  var waitingCalls = CircularBuffer<OutgoingCall>()
  /// The timers of calls that have no stream yet.
  var deadlines: [ObjectIdentifier: Scheduled<Void>] = [:]

  // Sending.
  private var outbound = ByteBuffer()
  private var isFlushScheduled = false
  private var isReading = false
  private var hasHeldRead = false

  // Time.
  var ticker: RepeatedTask?
  var connectedAt = NIODeadline.uptimeNanoseconds(0)
  var lastReadAt = NIODeadline.uptimeNanoseconds(0)
  var partSince: NIODeadline?
  var stalledSince: NIODeadline?
  var pingSentAt: NIODeadline?
  var pingWindowStart = NIODeadline.uptimeNanoseconds(0)
  var pingCount = 0

  init(role: Role, limits: ConnectionLimits, handshake: Handshake, log: Logger) {
    self.role = role
    self.limits = limits
    self.handshake = handshake
    self.log = log
    scanner = FrameScanner(byteCountMax: limits.messageByteCountMax)
    receiveCredit = limits.connectionCredit
    ledger = CreditLedger(threshold: max(1, limits.connectionCredit / 2))
  }

  // MARK: - Life

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    outbound = context.channel.allocator.buffer(capacity: 4_096)
    if context.channel.isActive { begin(context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    ticker?.cancel()
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    begin(context)
    context.fireChannelActive()
  }

  private func begin(_ context: ChannelHandlerContext) {
    guard ticker == nil else { return }
    connectedAt = context.eventLoop.now
    lastReadAt = connectedAt
    pingWindowStart = connectedAt
    startTicker(context)
    registerWithRole()
    // Without TLS the peer is known already.
    if handshake.identity != nil { greet() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .handshakeCompleted? = event as? TLSUserEvent {
      if handshake.identity != nil {
        greet()
      } else {
        // A resumed session skips the verification; nobody is let in without it.
        fail(RPCError(.unauthenticated, "TLS sessions cannot be resumed"))
      }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(closeReason ?? RPCError(.unavailable, "the connection was lost"))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let text = handshake.refusal ?? reason(of: error)
    if phase == .connecting || phase == .greeting {
      log.warning("connection refused", metadata: ["reason": "\(text)"])
    } else {
      log.debug("connection failed", metadata: ["reason": "\(text)"])
    }
    fail(closeReason ?? RPCError(.unavailable, text))
  }

  /// Ends the connection now; calls that still run fail with `error`.
  func fail(_ error: RPCError) {
    guard phase != .closed else { return }
    closeReason = error
    let context = context
    end(error)
    context?.close(promise: nil)
  }

  /// Lets go of everything, once.
  private func end(_ error: RPCError) {
    guard phase != .closed else { return }
    phase = .closed
    ticker?.cancel()
    abandonStreams(error)
    unregisterFromRole(error)
  }

  // MARK: - Reading

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard phase != .closed else { return }
    isReading = true
    lastReadAt = context.eventLoop.now
    pingSentAt = nil
    scanner.append(unwrapInboundIn(data))
    do throws(ConnectionViolation) {
      while phase != .closed, let bytes = try nextFrame() {
        // What is left after a whole frame is the beginning of a new one.
        partSince = nil
        try receive(bytes)
      }
    } catch {
      violate(error)
    }
    partSince = scanner.hasPart ? partSince ?? lastReadAt : nil
  }

  /// What comes before a HELLO and cannot be a frame is another protocol: its length says nothing.
  private func nextFrame() throws(ConnectionViolation) -> ByteBuffer? {
    do throws(ConnectionViolation) {
      return try scanner.next()
    } catch {
      throw phase == .open ? error : .otherProtocol
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    isReading = false
    flush()
    context.fireChannelReadComplete()
  }

  /// A server that cannot get its answers out reads no further requests; a client always reads,
  /// so the two never wait for each other.
  func read(context: ChannelHandlerContext) {
    if case .server = role, !context.channel.isWritable {
      hasHeldRead = true
    } else {
      context.read()
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable {
      stalledSince = nil
      if hasHeldRead {
        hasHeldRead = false
        context.read()
      }
      pump()
    } else {
      stalledSince = stalledSince ?? context.eventLoop.now
    }
    context.fireChannelWritabilityChanged()
  }

  // MARK: - Writing

  /// Adds a frame to what goes out with the next flush: one for all frames of a read, or of a
  /// turn of the event loop.
  func send(_ frame: Frame, payload: ByteBuffer = ByteBuffer()) {
    outbound.write(frame, payload: payload)
    if outbound.readableBytes >= ConnectionLimits.chunkByteCount { handDown() }
    flushSoon()
  }

  /// Gives the collected bytes to the socket's queue, so that it can say whether it is full.
  private func handDown() {
    guard let context, outbound.readableBytes > 0 else { return }
    context.write(wrapOutboundOut(outbound), promise: nil)
    outbound.clear()
  }

  private func flushSoon() {
    guard !isReading, !isFlushScheduled, let context else { return }
    isFlushScheduled = true
    let own = Connection(self, eventLoop: context.eventLoop)
    context.eventLoop.execute {
      own.run { handler in
        handler.isFlushScheduled = false
        handler.flush()
      }
    }
  }

  func flush() {
    handDown()
    context?.flush()
  }

  /// Whether the socket takes more now.
  var isWritable: Bool { context?.channel.isWritable ?? false }
}
