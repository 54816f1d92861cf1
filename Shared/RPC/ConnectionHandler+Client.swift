internal import NIOCore
internal import WireFormat

/// A client's call that is to be opened.
struct OutgoingCall: Sendable {
  let link: CallLink
  let method: MethodDescriptor
  /// The one request, or `nil` where requests are streamed.
  let request: ByteBuffer?
  let metadata: Metadata
  let trace: TraceContext?
  /// When the caller stops waiting.
  let deadline: NIODeadline?
  let sink: MessageSink
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
      setDeadline(of: call)
      return
    }
    setDeadline(of: call)
    start(call)
  }

  private static var waitingCallCountMax: Int { 16_384 }

  func openWaitingCalls() {
    while phase == .open, goawayStream == nil, streams.count < Int(peerHello.streamCountMax),
      let call = waitingCalls.popFirst()
    {
      start(call)
    }
  }

  private func start(_ call: OutgoingCall) {
    guard let context else { return }
    // The last id there is; the connection must be replaced long before.
    guard lastStream < .max - 2 else {
      call.sink.fail(RPCError(.unavailable, "the connection is used up"), wasStarted: false)
      return
    }
    lastStream = lastStream == 0 ? 1 : lastStream + 2
    call.link.stream = lastStream
    let stream = CallStream(
      id: lastStream, link: call.link, method: call.method, sink: call.sink,
      sendCredit: Int(peerHello.streamCredit), receiveCredit: limits.streamCredit)
    streams[stream.id] = stream
    stream.deadline = deadlines.removeValue(forKey: ObjectIdentifier(call.link))
    var frame = Frame(kind: .call, stream: stream.id)
    frame.method = call.method.id
    if let deadline = call.deadline {
      let left = (deadline - context.eventLoop.now).nanoseconds / 1_000
      frame.timeoutUs = UInt64(max(1, left))
    }
    frame.metadata = call.metadata.wireEntries
    frame.trace = call.trace?.binary ?? []
    if var request = call.request {
      let isWhole = request.readableBytes <= ConnectionLimits.chunkByteCount
      let first = request.readSlice(
        length: min(request.readableBytes, ConnectionLimits.chunkByteCount))
      frame.flags = (isWhole ? FrameFlags.endStream : .more).rawValue
      stream.hasSentEnd = isWhole
      send(frame, payload: first ?? ByteBuffer())
      if !isWhole {
        enqueue(
          OutgoingMessage(bytes: request, ending: .endStream, completion: nil), on: stream)
      }
    } else {
      send(frame)
    }
  }

  // MARK: - Ending

  func receiveReply(_ frame: InboundFrame) throws(ConnectionViolation) {
    guard case .client = role else {
      throw ConnectionViolation(.failedPrecondition, "a REPLY from a client")
    }
    guard let stream = try stream(of: frame) else { return }
    guard frame.status == 0 else {
      conclude(stream, RPCError(status: frame.status, payload: frame.payload))
      return
    }
    switch stream.method.kind {
    case .serverStreaming, .bidirectional: break
    case .unary, .clientStreaming:
      var message = stream.assembly ?? ByteBuffer()
      guard message.readableBytes + frame.payload.readableBytes <= limits.messageByteCountMax else {
        conclude(stream, RPCError(.resourceExhausted, "the reply is longer than is accepted"))
        return
      }
      if message.readableBytes == 0 {
        message = frame.payload
      } else {
        message.writeImmutableBuffer(frame.payload)
      }
      switch stream.sink {
      case .reply(let continuation):
        stream.sink = .none
        continuation.resume(returning: .success(message))
      case .queue(let queue): _ = queue.append(message, cost: 0)
      case .request, .none: break
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
    case .request, .none: break
    }
    stream.sink = .none
    openWaitingCalls()
    closeIfDrained()
  }

  /// Ends a stream that the server should not go on with.
  func abandon(_ stream: CallStream, _ error: RPCError) {
    send(Frame(kind: .cancel, stream: stream.id, status: error.code))
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

  private func setDeadline(of call: OutgoingCall) {
    guard let deadline = call.deadline, let context, let own else { return }
    let (link, name) = (call.link, call.method.name)
    deadlines[ObjectIdentifier(link)] = context.eventLoop.scheduleTask(deadline: deadline) {
      own.run { handler in
        if let stream = handler.streams[link.stream] {
          handler.abandon(stream, .deadlineExceeded(name))
        } else {
          handler.dropWaitingCall(link, .deadlineExceeded(name))
        }
      }
    }
  }

  private func dropWaitingCall(_ link: CallLink, _ error: RPCError) {
    deadlines.removeValue(forKey: ObjectIdentifier(link))?.cancel()
    guard let index = waitingCalls.firstIndex(where: { $0.link === link }) else { return }
    let call = waitingCalls.remove(at: index)
    call.sink.fail(error, wasStarted: false)
  }

  /// The server has not started these calls: they may be made elsewhere.
  func refuseStreams(after last: UInt32) {
    let error = RPCError(.unavailable, "the server is shutting down")
    for stream in streams.values where stream.id > last {
      conclude(stream, error, wasStarted: false)
    }
    failWaitingCalls(error)
  }

  private func failWaitingCalls(_ error: RPCError) {
    let calls = waitingCalls
    waitingCalls.removeAll()
    for timer in deadlines.values { timer.cancel() }
    deadlines.removeAll()
    for call in calls { call.sink.fail(error, wasStarted: false) }
  }

  // MARK: - The end of the connection

  /// Ends every call, because the connection has ended.
  func abandonStreams(_ error: RPCError) {
    let ended = streams.values.sorted { $0.id < $1.id }
    streams.removeAll()
    line.removeAll()
    failWaitingCalls(error)
    for stream in ended {
      remove(stream, error)
      switch stream.sink {
      case .queue(let queue): queue.finish(error)
      case .reply, .request, .none: stream.sink.fail(error, wasStarted: true)
      }
      stream.sink = .none
      stream.task?.cancel()
      reportFinished(stream, .cancelled)
    }
  }

  /// Closes a connection that takes no more calls once the last has ended.
  func closeIfDrained() {
    guard phase == .open, goawayStream != nil, streams.isEmpty, endedRunningCount == 0 else {
      return
    }
    flush()
    fail(RPCError(.unavailable, "the connection was drained"))
  }
}

extension MessageSink {
  /// Tells whoever waits for a reply that none will come.
  func fail(_ error: RPCError, wasStarted: Bool) {
    switch self {
    case .reply(let continuation):
      continuation.resume(returning: .failure(error, wasStarted: wasStarted))
    case .queue(let queue): queue.finish(error)
    case .request, .none: break
    }
  }
}
