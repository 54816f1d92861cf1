internal import NIOCore
internal import WireFormat

/// A client's call that is to be opened.
final class OutgoingCall: Sendable {
  let link: CallLink
  let method: MethodDescriptor
  /// The one request, or `nil` where requests are streamed.
  let request: ByteBuffer?
  let metadata: Metadata
  let trace: TraceContext?
  /// When the caller stops waiting.
  let deadline: NIODeadline?
  /// How long the caller waited at the time of the call; 0 where the deadline must be looked at.
  let timeoutUs: UInt64
  let sink: MessageSink

  init(
    link: CallLink, method: MethodDescriptor, request: ByteBuffer?, metadata: Metadata,
    trace: TraceContext?, deadline: NIODeadline?, timeoutUs: UInt64 = 0, sink: MessageSink
  ) {
    self.link = link
    self.method = method
    self.request = request
    self.metadata = metadata
    self.trace = trace
    self.deadline = deadline
    self.timeoutUs = timeoutUs
    self.sink = sink
  }
}

// What only a client does: opens calls, takes replies, cancels.
extension ConnectionHandler {
  /// Opens a call, or lets it wait for a free stream.
  func open(_ call: OutgoingCall) {
    guard phase == .open, goawayStream == nil else {
      call.sink.fail(
        closeReason ?? RPCError(.unavailable, "the connection takes no more calls"),
        wasStarted: false)
      return
    }
    if let request = call.request, request.readableBytes > Int(peerHello.frameByteCountMax) {
      call.sink.fail(Self.tooLong(request, Int(peerHello.frameByteCountMax)), wasStarted: false)
      return
    }
    if call.link.isCancelled {
      call.sink.fail(.cancelled, wasStarted: false)
      return
    }
    guard streams.count < Int(peerHello.streamCountMax), waitingCalls.isEmpty else {
      guard waitingCalls.count < Self.waitingCallCountMax else {
        call.sink.fail(
          RPCError(.resourceExhausted, "too many calls wait for a stream"), wasStarted: false)
        return
      }
      waitingCalls.append(call)
      if let deadline = call.deadline { watch(deadline) }
      return
    }
    if let deadline = call.deadline { watch(deadline) }
    start(call, timeoutUs: call.timeoutUs)
  }

  private static var waitingCallCountMax: Int { 16_384 }

  func openWaitingCalls() {
    while phase == .open, goawayStream == nil, streams.count < Int(peerHello.streamCountMax),
      let call = waitingCalls.popFirst()
    {
      start(call, timeoutUs: 0)
    }
  }

  private func start(_ call: OutgoingCall, timeoutUs: UInt64) {
    guard let context else { return }
    let id = nextStream
    call.link.stream = id
    let stream = CallStream(
      id: id, link: call.link, method: call.method, sink: call.sink,
      sendCredit: Int(peerHello.streamCredit), receiveCredit: limits.streamCredit)
    streams.insert(stream)
    use(stream: id)
    var head = FrameHead(.call, stream: stream.id)
    head.method = call.method.id
    if let deadline = call.deadline {
      stream.deadline = deadline
      head.timeoutUs = timeoutUs
      if timeoutUs == 0 {
        let left = (deadline - context.eventLoop.now).nanoseconds / 1_000
        head.timeoutUs = UInt64(max(1, left))
      }
    }
    if let request = call.request, request.readableBytes <= ConnectionLimits.chunkByteCount {
      head.flags = FrameFlags.endStream.rawValue
      stream.hasSentEnd = true
      sendCall(head, call, payload: request)
    } else if var request = call.request {
      let first = request.readSlice(length: ConnectionLimits.chunkByteCount)
      head.flags = FrameFlags.more.rawValue
      sendCall(head, call, payload: first ?? ByteBuffer())
      enqueue(OutgoingMessage(bytes: request, ending: .endStream, completion: nil), on: stream)
    } else {
      sendCall(head, call, payload: ByteBuffer())
    }
  }

  /// The number of the stream that a call would open.
  var nextStream: UInt32 { lastStream == 0 ? 1 : lastStream + 2 }

  /// A call opens a stream. With the last number there is, the connection takes no more calls: it is
  /// left to those that it has, and others go to a new one, as after a GOAWAY.
  func use(stream id: UInt32) {
    lastStream = id
    guard id > limits.streamIDMax - 2, let client else { return }
    goawayStream = id
    client.draining()
    failWaitingCalls(RPCError(.unavailable, "the connection is used up"))
  }

  private func sendCall(_ head: FrameHead, _ call: OutgoingCall, payload: ByteBuffer) {
    if call.metadata.isEmpty, call.trace == nil {
      send(head, payload: payload)
      return
    }
    send(
      Frame(
        kind: head.kind, stream: head.stream, method: head.method, flags: head.flags,
        timeoutUs: head.timeoutUs, metadata: call.metadata.wireEntries,
        trace: call.trace?.binary ?? []),
      payload: payload)
  }

  // MARK: - Ending

  func receiveReply(_ frame: InboundFrame) throws(ConnectionViolation) {
    guard client != nil else {
      throw ConnectionViolation(.failedPrecondition, "a REPLY from a client")
    }
    guard frame.payload.count <= ConnectionLimits.chunkByteCount else {
      throw ConnectionViolation(
        .invalidArgument,
        "a REPLY with more than \(ConnectionLimits.chunkByteCount) bytes of a message")
    }
    guard let stream = try stream(of: frame) else { return }
    guard frame.status == 0 else {
      conclude(stream, RPCError(status: frame.status, payload: frame.payload))
      return
    }
    switch stream.method.kind {
    case .serverStreaming, .bidirectional: break
    case .unary, .clientStreaming:
      let byteCount = (stream.assembly?.readableBytes ?? 0) + frame.payload.count
      guard byteCount <= limits.messageByteCountMax else {
        conclude(stream, RPCError(.resourceExhausted, "the reply is longer than is accepted"))
        return
      }
      if case .caller = stream.sink {
        if let assembly = stream.assembly { stream.reply = assembly }
        stream.assembly = nil
        stream.reply.writeBytes(frame.payload)
        break
      }
      var message = stream.assembly ?? ByteBuffer()
      stream.assembly = nil
      message.writeBytes(frame.payload)
      switch stream.sink {
      case .reply(let continuation):
        stream.sink = .none
        continuation.resume(returning: .success(message))
      case .queue(let queue): _ = queue.append(message, cost: 0)
      case .caller, .request, .none: break
      }
    }
    conclude(stream, nil)
  }

  /// Ends a stream at this side: its reader learns how the call ended.
  private func conclude(_ stream: CallStream, _ error: RPCError?, wasStarted: Bool = true) {
    remove(stream, error)
    switch stream.sink {
    case .queue(let queue): queue.finish(error)
    case .reply: stream.sink.fail(error ?? .ended, wasStarted: wasStarted)
    case .caller: answerCaller(of: stream, error, wasStarted: wasStarted)
    case .request, .none: break
    }
    stream.sink = .none
    if !waitingCalls.isEmpty { openWaitingCalls() }
    closeIfDrained()
  }

  /// Ends a stream that the server should not go on with.
  func abandon(_ stream: CallStream, _ error: RPCError) {
    send(FrameHead(.cancel, stream: stream.id, status: error.code))
    if case .queue(let queue) = stream.sink { giveBack(queue.discard(error)) }
    conclude(stream, error)
  }

  /// The caller wants the call no more. Nothing happens when it has ended, or on a server.
  func cancel(_ link: CallLink) {
    guard !isServer else { return }
    link.cancel()
    if let stream = streams[link.stream] {
      abandon(stream, .cancelled)
    } else {
      dropWaitingCall(link, .cancelled)
    }
  }

  /// A task that sends was cancelled. A caller gives its call up; a server's call must end when a
  /// message may be half sent.
  func interruptSending(_ link: CallLink) {
    cancel(link)
    guard isServer, let stream = streams[link.stream], !stream.outgoing.isEmpty else { return }
    refuse(stream, .cancelled)
  }

  /// Ends the calls that waited too long for a stream.
  func expireWaitingCalls(_ now: NIODeadline) {
    let expired = waitingCalls.filter { $0.deadline.map { $0 <= now } ?? false }
    for call in expired { dropWaitingCall(call.link, .deadlineExceeded(call.method.name)) }
  }

  private func dropWaitingCall(_ link: CallLink, _ error: RPCError) {
    guard let index = waitingCalls.firstIndex(where: { $0.link === link }) else { return }
    let call = waitingCalls.remove(at: index)
    call.sink.fail(error, wasStarted: false)
  }

  /// The server has not started these calls: they may be made elsewhere.
  func refuseStreams(after last: UInt32) {
    let error = RPCError(.unavailable, "the server is shutting down")
    for stream in streams.sorted where stream.id > last {
      conclude(stream, error, wasStarted: false)
    }
    failWaitingCalls(error)
  }

  private func failWaitingCalls(_ error: RPCError) {
    let calls = waitingCalls
    waitingCalls.removeAll()
    for call in calls { call.sink.fail(error, wasStarted: false) }
  }

  // MARK: - The end of the connection

  /// Ends every call, because the connection has ended.
  func abandonStreams(_ error: RPCError) {
    let ended = streams.sorted
    streams.removeAll()
    line.removeAll()
    shortReplies.removeAll()
    failWaitingCalls(error)
    for stream in ended {
      remove(stream, error)
      switch stream.sink {
      case .queue(let queue): queue.finish(error)
      case .caller: answerCaller(of: stream, error, wasStarted: true)
      case .reply, .request, .none: stream.sink.fail(error, wasStarted: true)
      }
      stream.sink = .none
      stream.task?.cancel()
      reportFinished(stream, .cancelled)
    }
  }

  /// Closes a connection that takes no more calls once the last has ended.
  func closeIfDrained() {
    guard phase == .open || (isServer && phase == .greeting), goawayStream != nil,
      streams.isEmpty, endedRunningCount == 0
    else { return }
    flush()
    let drained = RPCError(.unavailable, "the connection was drained")
    guard isServer else {
      fail(drained)
      return
    }
    // Closing while calls that crossed the GOAWAY lie unread would reset the connection, and the
    // client could lose the GOAWAY that tells it to make them elsewhere. It closes when it has read
    // that; whoever does not is not waited for.
    guard !isLingering, let context, let own else { return }
    isLingering = true
    context.eventLoop.scheduleTask(in: .milliseconds(Int64(limits.lingerMs))) {
      own.run { $0.fail(drained) }
    }
  }
}

extension MessageSink {
  /// Tells whoever waits for a reply that none will come.
  func fail(_ error: RPCError, wasStarted: Bool) {
    switch self {
    case .reply(let continuation):
      continuation.resume(returning: .failure(error, wasStarted: wasStarted))
    case .queue(let queue): queue.finish(error)
    case .caller, .request, .none: break
    }
  }
}
