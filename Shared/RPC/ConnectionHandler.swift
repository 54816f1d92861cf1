internal import Logging
internal import NIOCore
internal import NIOTLS
internal import PrivacyCore
internal import Transport
internal import WireFormat

/// One connection, on either side: speaks the protocol of docs/PROTOCOL.md over the bytes below
/// it. Lives on its event loop; `Connection` is how others reach it.
///
/// What every call touches is `@exclusivity(unchecked)`: only the event loop touches it, no access
/// lasts longer than one call of a `mutating` method, and none of those calls back into here. The
/// check at run time took a tenth of a call.
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
  /// What only one of the two sides has: the role again, where every call looks.
  let server: ServerCore?
  let client: ClientCore?
  let limits: ConnectionLimits
  let handshake: Handshake
  let log: Logger

  @exclusivity(unchecked) var context: ChannelHandlerContext?
  /// This connection for use by other threads.
  @exclusivity(unchecked) private(set) var own: Connection?
  /// Who is at the other end, once that is known.
  @exclusivity(unchecked) var peer: PeerIdentity?
  @exclusivity(unchecked) var phase = Phase.connecting
  @exclusivity(unchecked) var scanner: FrameScanner
  @exclusivity(unchecked) var peerHello = Hello()
  /// The reason for the end, for calls that still run when the connection closes.
  var closeReason: RPCError?

  // Streams.
  @exclusivity(unchecked) var streams = StreamTable()
  /// The highest stream id that was opened.
  @exclusivity(unchecked) var lastStream: UInt32 = 0
  /// Whether a drained server's connection only waits for the client to close it.
  var isLingering = false
  /// The highest stream id that is still served, once a GOAWAY was sent or received.
  @exclusivity(unchecked) var goawayStream: UInt32?
  var line = CircularBuffer<CallStream>()
  /// The streams that end with a reply of one piece, which go before those in line.
  var shortReplies = CircularBuffer<CallStream>()
  /// The bytes of such replies since the last piece of a stream in line.
  var shortReplyByteCount = 0
  var sendCredit = 0
  @exclusivity(unchecked) var receiveCredit: Int
  let ledger: CreditLedger
  /// What a server may hold for its clients; `nil` for a client.
  let memory: MemoryBudget?
  var isHoldingConnection = false
  /// What its streams hold.
  @exclusivity(unchecked) var streamsByteCount = 0

  // A server's handlers that still run although their calls have ended.
  @exclusivity(unchecked) var endedRunningCount = 0
  /// A server's methods as this peer calls them, by id, and the one that was called last.
  var bindings: [UInt32: MethodBinding] = [:]
  @exclusivity(unchecked) var lastBinding: MethodBinding?
  // A client's calls that wait for a free stream.
  @exclusivity(unchecked) var waitingCalls = CircularBuffer<OutgoingCall>()
  /// Ended calls whose memory is used again.
  @exclusivity(unchecked) var spareStreams: [CallStream] = []

  // Sending.
  /// Whether the socket takes more now.
  @exclusivity(unchecked) private(set) var isWritable = false
  @exclusivity(unchecked) private var outbound = ByteBuffer()
  /// The buffer before: free again as soon as the socket has taken it.
  @exclusivity(unchecked) private var spare = ByteBuffer()
  /// The bytes given down since the last flush. TLS keeps them until then, whatever the socket
  /// would take, and calls itself writable all the while.
  @exclusivity(unchecked) private var unflushedByteCount = 0
  @exclusivity(unchecked) private var isFlushScheduled = false
  /// Whether a flush follows anyway.
  @exclusivity(unchecked) private var isBatching = false
  private var hasHeldRead = false
  /// Whether frames are being handled, or a part is being sent between two frames or tasks. NIO
  /// reads in the middle of a flush whose write fails, before it closes the connection: what comes
  /// then would be handled before what stands in front of it.
  @exclusivity(unchecked) private var isBusy = false
  /// Whether something was read at such a moment.
  @exclusivity(unchecked) private var hasPassedOver = false

  // Time.
  var ticker: RepeatedTask?
  /// No call's deadline is earlier than this.
  @exclusivity(unchecked) var nextDeadline = NIODeadline.distantFuture
  var deadlineTimer: Scheduled<Void>?
  var lastExpiryAt = NIODeadline.uptimeNanoseconds(0)
  var connectedAt = NIODeadline.uptimeNanoseconds(0)
  @exclusivity(unchecked) var lastReadAt = NIODeadline.uptimeNanoseconds(0)
  /// Whether that read is still being worked on, so that it is the time now.
  @exclusivity(unchecked) private(set) var isReading = false
  /// The same on the server's clock: when the calls of this read arrived.
  @exclusivity(unchecked) var readMicroseconds: Int64 = 0
  @exclusivity(unchecked) var partSince: NIODeadline?
  /// Since when the socket has taken next to nothing, and what waited for it then.
  var stall: (since: NIODeadline, byteCount: Int)?
  @exclusivity(unchecked) var pingSentAt: NIODeadline?
  var pingWindowStart = NIODeadline.uptimeNanoseconds(0)
  var pingCount = 0

  init(role: Role, limits: ConnectionLimits, handshake: Handshake, log: Logger) {
    self.role = role
    server = if case .server(let core) = role { core } else { nil }
    client = if case .client(let core) = role { core } else { nil }
    self.limits = limits
    self.handshake = handshake
    self.log = log
    scanner = FrameScanner(byteCountMax: ConnectionLimits.frameByteCountMax)
    receiveCredit = limits.connectionCredit
    memory = server?.memory
    ledger = CreditLedger(threshold: max(1, limits.connectionCredit / 2))
  }

  // MARK: - Life

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    isWritable = context.channel.isWritable
    own = Connection(self, eventLoop: context.eventLoop)
    outbound = context.channel.allocator.buffer(capacity: 4_096)
    spare = context.channel.allocator.buffer(capacity: 4_096)
    if context.channel.isActive { begin(context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    ticker?.cancel()
    self.context = nil
    isWritable = false
    own = nil
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
    deadlineTimer?.cancel()
    abandonStreams(error)
    unregisterFromRole(error)
  }

  // MARK: - Reading

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard phase != .closed else { return }
    guard !isBusy else {
      hasPassedOver = true
      return
    }
    isBatching = true
    isReading = true
    lastReadAt = context.eventLoop.now
    if let server { readMicroseconds = server.time.monotonicMicroseconds }
    if let client { client.executor.beginRead() }
    pingSentAt = nil
    let bytes = scanner.join(unwrapInboundIn(data))
    isBusy = true
    let used = bytes.withUnsafeReadableBytes { receiveFrames($0) }
    isBusy = false
    endIfPassedOver()
    scanner.keep(bytes, after: used)
    partSince = scanner.hasPart ? partSince ?? lastReadAt : nil
  }

  /// Handles the whole frames at the start of the bytes; returns how many bytes those are.
  private func receiveFrames(_ bytes: UnsafeRawBufferPointer) -> Int {
    var used = 0
    do throws(ConnectionViolation) {
      while phase != .closed {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
        guard let (frame, byteCount) = try nextFrame(rest) else { break }
        used += byteCount
        // What is left after a whole frame is the beginning of a new one.
        partSince = nil
        try receive(frame)
        flushPart()
      }
    } catch {
      violate(error)
    }
    return used
  }

  /// What comes before a HELLO and cannot be a frame is another protocol: its length says nothing.
  private func nextFrame(
    _ bytes: UnsafeRawBufferPointer
  ) throws(ConnectionViolation) -> (frame: InboundFrame, byteCount: Int)? {
    do throws(ConnectionViolation) {
      return try scanner.frame(at: bytes)
    } catch {
      throw phase == .open ? error : .otherProtocol
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    guard !isBusy else { return context.fireChannelReadComplete() }
    // Tasks that wait for what has come go on at once: what they ask for goes out with this flush.
    if let client { client.executor.endRead() }
    isReading = false
    isBatching = false
    flush()
    context.fireChannelReadComplete()
  }

  /// A server that cannot get its answers out reads no further requests; a client always reads,
  /// so the two never wait for each other.
  func read(context: ChannelHandlerContext) {
    if server != nil, !isWritable {
      hasHeldRead = true
    } else {
      context.read()
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    isWritable = context.channel.isWritable
    if isWritable {
      stall = nil
      if hasHeldRead {
        hasHeldRead = false
        context.read()
      }
      pump()
    } else {
      beginStall(context)
    }
    context.fireChannelWritabilityChanged()
  }

  // MARK: - Writing

  /// Whether more may be sent now: no more than a piece waits anywhere between here and the socket.
  var takesMore: Bool {
    isWritable && unflushedByteCount < ConnectionLimits.chunkByteCount
  }

  /// Adds a frame to what goes out with the next flush: one for all frames of a read, or of a
  /// turn of the event loop.
  func send(_ head: FrameHead, payload: ByteBuffer = ByteBuffer()) {
    payload.withUnsafeReadableBytes { outbound.write(head, payload: $0) }
    written()
  }

  /// The same, with a payload that is copied from where it lies.
  func send(_ head: FrameHead, bytes: UnsafeRawBufferPointer) {
    outbound.write(head, payload: bytes)
    written()
  }

  /// The same for a frame with metadata or a trace.
  func send(_ frame: Frame, payload: ByteBuffer) {
    outbound.write(frame, payload: payload)
    written()
  }

  private func written() {
    if outbound.readableBytes >= ConnectionLimits.chunkByteCount { handDown() }
    if !isBatching { flushSoon() }
  }

  /// Gives the collected bytes to the socket's queue, so that it can say whether it is full.
  private func handDown() {
    guard let context, outbound.readableBytes > 0 else { return }
    unflushedByteCount += outbound.readableBytes
    context.write(wrapOutboundOut(outbound), promise: nil)
    swap(&outbound, &spare)
    // Keeps its memory when the socket has let go of it.
    outbound.clear()
  }

  /// Sends what `body` sends with one flush at its end.
  func inOneFlush(_ body: (ConnectionHandler) -> Void) {
    let wasBatching = isBatching
    isBatching = true
    body(self)
    isBatching = wasBatching
    if !wasBatching { flush() }
  }

  private func flushSoon() {
    guard !isFlushScheduled, let context, let own else { return }
    isFlushScheduled = true
    context.eventLoop.execute {
      own.run { handler in
        handler.isFlushScheduled = false
        handler.flush()
      }
    }
  }

  func flush() {
    handDown()
    unflushedByteCount = 0
    context?.flush()
    // What stopped at a piece goes on; where a full socket stopped it, this does nothing.
    if !line.isEmpty || !shortReplies.isEmpty { pump() }
  }

  /// Sends what has been collected when it is enough for the other side to begin with, so that the
  /// two work at the same time. Only where a flush may end the connection.
  func flushPart() {
    guard outbound.readableBytes >= Self.partByteCount || unflushedByteCount > 0 else { return }
    let wasBusy = isBusy
    isBusy = true
    flush()
    isBusy = wasBusy
    endIfPassedOver()
  }

  /// Ends a connection that passed over what it read: it is about to be closed anyway.
  private func endIfPassedOver() {
    guard hasPassedOver else { return }
    hasPassedOver = false
    fail(RPCError(.unavailable, "the connection was lost"))
  }

  private static let partByteCount = 3_072
}
