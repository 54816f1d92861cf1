internal import NIOCore
internal import PrivacyCore
internal import Transport
internal import WireFormat

// What only a server does: takes calls, runs their handlers, answers.
extension ConnectionHandler {
  func receiveCall(_ frame: InboundFrame) throws(ConnectionViolation) {
    guard case .server(let core) = role else {
      throw ConnectionViolation(.failedPrecondition, "a CALL from a server")
    }
    guard frame.stream & 1 == 1 else {
      throw ConnectionViolation(.invalidArgument, "a CALL on the even stream \(frame.stream)")
    }
    guard frame.stream > lastStream else {
      throw ConnectionViolation(
        .invalidArgument, "a CALL on stream \(frame.stream) after stream \(lastStream)")
    }
    // Calls after a GOAWAY are not started and not counted: the client sends them elsewhere.
    guard goawayStream == nil, let peer = handshake.identity else { return }
    lastStream = frame.stream
    let arrived = core.time.monotonicMicroseconds
    guard let entry = core.router.entry(frame.method) else {
      answer(frame.stream, RPCError(.unimplemented, "this service has no method with that id"))
      return
    }
    let method = entry.method
    guard streams.count + endedRunningCount < limits.streamCountMax else {
      let error = RPCError(
        .resourceExhausted, "more than \(limits.streamCountMax) calls at once on one connection")
      answer(frame.stream, error)
      core.finished(FinishedCall(method, peer, error.code, microseconds: 0))
      return
    }
    // Before the payload is looked at: who may not call does not reach the decoder.
    guard core.authorizer.permits(peer, method) else {
      let error = RPCError(.permissionDenied, "\(peer) lacks the scope \(method.scope)")
      answer(frame.stream, error)
      core.finished(FinishedCall(method, peer, error.code, microseconds: 0))
      return
    }
    let metadata = Metadata(frame.metadata)
    if let fault = metadata.fault {
      answer(frame.stream, RPCError(.invalidArgument, fault))
      core.finished(FinishedCall(method, peer, .invalidArgument, microseconds: 0))
      return
    }
    do throws(RPCError) {
      try core.admit(IncomingCall(method, peer, metadata))
    } catch {
      answer(frame.stream, error)
      core.finished(FinishedCall(method, peer, error.code, microseconds: 0))
      return
    }
    let stream = CallStream(
      id: frame.stream, link: CallLink(stream: frame.stream), method: method, sink: .none,
      sendCredit: Int(
        frame.credit > 0 ? min(frame.credit, Self.creditMax) : peerHello.streamCredit),
      receiveCredit: limits.streamCredit)
    stream.startedMicroseconds = arrived
    streams[stream.id] = stream
    let context = CallContext(
      peer: peer, method: method, deadline: deadline(of: frame, arrived: arrived),
      metadata: metadata, trace: TraceContext(binary: frame.trace), time: core.time,
      drain: core.drain)
    setDeadline(frame.timeoutUs, on: stream)
    let flags = frame.flags
    switch method.kind {
    case .unary, .serverStreaming:
      guard flags.contains(.more) || flags.contains(.endStream) else {
        throw ConnectionViolation(.invalidArgument, "a CALL with one request that does not end")
      }
      stream.sink = .request(StartableCall(handler: entry.handler, context: context))
      try receivePart(frame.payload, flags: flags, cost: 0, on: stream)
    case .clientStreaming, .bidirectional:
      guard frame.payload.readableBytes == 0, !flags.contains(.more) else {
        throw ConnectionViolation(.invalidArgument, "a CALL with a message where DATA belongs")
      }
      let queue = MessageQueue()
      stream.sink = .queue(queue)
      if flags.contains(.endStream) {
        stream.hasReceivedEnd = true
        queue.finish(nil)
      }
      start(StartableCall(handler: entry.handler, context: context), request: nil, on: stream)
    }
  }

  private func deadline(of frame: InboundFrame, arrived: Int64) -> Deadline? {
    guard frame.timeoutUs > 0 else { return nil }
    let (sum, overflow) = arrived.addingReportingOverflow(Int64(clamping: frame.timeoutUs))
    return Deadline(monotonicMicroseconds: overflow ? .max : sum)
  }

  private func setDeadline(_ timeoutUs: UInt64, on stream: CallStream) {
    guard timeoutUs > 0, let context, let own else { return }
    // A thousand days: no timer overflows.
    let capped = Int64(clamping: min(timeoutUs, 1_000 * 86_400_000_000))
    let id = stream.id
    stream.deadline = context.eventLoop.scheduleTask(in: .microseconds(capped)) {
      own.run { handler in
        guard let stream = handler.streams[id] else { return }
        handler.refuse(stream, .deadlineExceeded(stream.method.name))
      }
    }
  }

  /// Runs the handler in a task of its own.
  func start(_ call: StartableCall, request: ByteBuffer?, on stream: CallStream) {
    guard case .server(let core) = role, let own else { return }
    stream.isRunning = true
    let queue: MessageQueue =
      if case .queue(let queue) = stream.sink { queue } else { MessageQueue() }
    let handle = StreamHandle(
      connection: own, link: stream.link, queue: queue, ledger: ledger,
      readThreshold: limits.streamCredit / 2, cancelsWhenDropped: false)
    let run = HandlerRun(
      call: call, request: request ?? ByteBuffer(), stream: handle, core: core, connection: own)
    stream.task = Task { await run.execute() }
  }

  /// The handler's task has ended.
  func finish(_ id: UInt32, _ outcome: Result<ByteBuffer, RPCError>) {
    guard let stream = streams[id] else {
      // The call had ended before: only now does it stop to count.
      if endedRunningCount > 0 { endedRunningCount -= 1 }
      closeIfDrained()
      return
    }
    stream.isRunning = false
    switch outcome {
    case .failure(let error): refuse(stream, error)
    case .success(let bytes):
      let byteCountMax = Int(peerHello.frameByteCountMax)
      if bytes.readableBytes > byteCountMax {
        refuse(stream, Self.tooLong(bytes, byteCountMax))
      } else if bytes.readableBytes <= ConnectionLimits.chunkByteCount, stream.outgoing.isEmpty {
        sendReply(bytes, on: stream)
      } else {
        enqueue(OutgoingMessage(bytes: bytes, ending: .reply, completion: nil), on: stream)
      }
    }
  }

  /// Ends a call with success; `bytes` are the last part of its reply.
  func sendReply(_ bytes: ByteBuffer, on stream: CallStream) {
    send(Frame(kind: .reply, stream: stream.id), payload: bytes)
    close(stream, .ok, error: nil)
  }

  /// Ends a call with an error; its handler is cancelled.
  func refuse(_ stream: CallStream, _ error: RPCError) {
    answer(stream.id, error)
    close(stream, error.code, error: error)
  }

  private func answer(_ stream: UInt32, _ error: RPCError) {
    send(
      Frame(kind: .reply, stream: stream, status: error.code),
      payload: ByteBuffer(Status(error)))
  }

  private func close(_ stream: CallStream, _ code: StatusCode, error: RPCError?) {
    remove(stream, error)
    if case .queue(let queue) = stream.sink { giveBack(queue.discard(error ?? .ended)) }
    if stream.isRunning {
      endedRunningCount += 1
      stream.task?.cancel()
    }
    reportFinished(stream, code)
    closeIfDrained()
  }

  /// Tells the server's owner how a call ended.
  func reportFinished(_ stream: CallStream, _ code: StatusCode) {
    guard case .server(let core) = role, let peer = handshake.identity else { return }
    let microseconds = core.time.monotonicMicroseconds - stream.startedMicroseconds
    core.finished(FinishedCall(stream.method, peer, code, microseconds: microseconds))
  }

  func receiveCancel(_ frame: InboundFrame) throws(ConnectionViolation) {
    guard isServer else { throw ConnectionViolation(.failedPrecondition, "a CANCEL from a server") }
    guard let stream = try stream(of: frame) else { return }
    close(stream, .cancelled, error: .cancelled)
  }

  /// Takes no more calls; closes once the ones that run have ended.
  func drain() {
    guard phase != .closed, goawayStream == nil else { return }
    goawayStream = lastStream
    guard phase == .open else {
      fail(RPCError(.unavailable, "the server is shutting down"))
      return
    }
    sendGoaway(.ok, "the server is shutting down")
    closeIfDrained()
  }
}
