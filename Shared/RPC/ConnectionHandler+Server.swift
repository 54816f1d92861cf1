internal import NIOCore
internal import PrivacyCore
internal import Transport
internal import WireFormat

// What only a server does: takes calls, runs their handlers, answers.
extension ConnectionHandler {
  func receiveCall(_ frame: InboundFrame) throws(ConnectionViolation) {
    guard let core = server else {
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
    guard goawayStream == nil else { return }
    lastStream = frame.stream
    guard let binding = binding(of: frame.method, core: core) else {
      answer(frame.stream, RPCError(.unimplemented, "this service has no method with that id"))
      return
    }
    let origin = binding.origin
    guard streams.count + endedRunningCount < limits.streamCountMax else {
      turnDown(
        frame, origin.method,
        RPCError(
          .resourceExhausted, "more than \(limits.streamCountMax) calls at once on one connection"))
      return
    }
    // Before the payload is looked at: who may not call does not reach the decoder.
    guard core.authorizer.permits(origin.peer, origin.method) else {
      turnDown(
        frame, origin.method,
        RPCError(.permissionDenied, "\(origin.peer) lacks the scope \(origin.method.scope)"))
      return
    }
    let context: CallContext
    do throws(RPCError) {
      context = try admit(frame, origin, core: core)
    } catch {
      turnDown(frame, origin.method, error)
      return
    }
    guard frame.payload.count <= ConnectionLimits.chunkByteCount else {
      throw ConnectionViolation(
        .invalidArgument,
        "a CALL with more than \(ConnectionLimits.chunkByteCount) bytes of a message")
    }
    guard !isMemoryFull else {
      turnDown(frame, origin.method, MemoryBudget.full)
      return
    }
    // Answers that the client does not take are held by streams, where they are counted.
    if let handler = binding.inline, frame.flags == .endStream, takesMore {
      answerInPlace(frame, context, handler)
    } else {
      try begin(frame, StartableCall(handler: binding.entry.handler, context: context))
    }
  }

  /// What the handler will know of a call, once the interceptors have let it pass.
  private func admit(
    _ frame: InboundFrame, _ origin: CallOrigin, core: ServerCore
  ) throws(RPCError) -> CallContext {
    var (metadata, trace): (Metadata, TraceContext?) = (Metadata(), nil)
    if let extras = frame.extras {
      metadata = Metadata(extras.metadata)
      trace = TraceContext(binary: extras.trace)
      if let fault = metadata.fault { throw RPCError(.invalidArgument, fault) }
    }
    if !core.configuration.interceptors.isEmpty {
      try core.admit(origin.method, origin.peer, metadata)
    }
    return CallContext(origin, deadline: deadline(of: frame), metadata: metadata, trace: trace)
  }

  /// Ends a call that is not begun.
  private func turnDown(_ frame: InboundFrame, _ method: MethodDescriptor, _ error: RPCError) {
    answer(frame.stream, error)
    reportFinished(method, error.code, since: readMicroseconds)
  }

  private func binding(
    of method: UInt32, core: ServerCore
  ) -> MethodBinding? {
    if let lastBinding, lastBinding.id == method { return lastBinding }
    if let binding = bindings[method] {
      lastBinding = binding
      return binding
    }
    guard let peer, let entry = core.router.entry(method) else { return nil }
    let binding = MethodBinding(
      entry: entry,
      origin: CallOrigin(peer: peer, method: entry.method, time: core.time, drain: core.drain))
    bindings[method] = binding
    lastBinding = binding
    return binding
  }

  /// Runs a short handler here and now: no stream, no task, no timer.
  private func answerInPlace(
    _ frame: InboundFrame, _ context: CallContext, _ handler: MethodHandler.Inline
  ) {
    let byteCountMax = min(ConnectionLimits.chunkByteCount, Int(peerHello.frameByteCountMax))
    var longReply: ByteBuffer?
    do {
      try handler(frame.payload, context) { reply in
        if reply.count <= byteCountMax {
          send(FrameHead(.reply, stream: frame.stream), bytes: reply)
        } else {
          longReply = ByteBuffer(bytes: reply)
        }
      }
    } catch {
      guard let core = server else { return }
      turnDown(frame, context.method, core.visible(error, method: context.method))
      return
    }
    guard let longReply else {
      reportFinished(context.method, .ok, since: readMicroseconds)
      return
    }
    let stream = open(frame, context)
    stream.hasReceivedEnd = true
    finish(stream.id, .success(longReply))
  }

  private func open(_ frame: InboundFrame, _ context: CallContext) -> CallStream {
    let stream = CallStream(
      id: frame.stream, link: CallLink(stream: frame.stream), method: context.method, sink: .none,
      sendCredit: Int(
        frame.credit > 0 ? min(frame.credit, Self.creditMax) : peerHello.streamCredit),
      receiveCredit: limits.streamCredit)
    stream.startedMicroseconds = readMicroseconds
    streams.insert(stream)
    if frame.timeoutUs > 0 {
      stream.deadline =
        lastReadAt + .microseconds(Int64(clamping: min(frame.timeoutUs, Self.timeoutUsMax)))
      watch(stream.deadline)
    }
    return stream
  }

  /// A thousand days: no timer overflows.
  private static let timeoutUsMax: UInt64 = 1_000 * 86_400_000_000

  private func begin(
    _ frame: InboundFrame, _ call: StartableCall
  ) throws(ConnectionViolation) {
    let stream = open(frame, call.context)
    let (flags, payload) = (frame.flags, frame.payload)
    switch call.context.method.kind {
    case .unary, .serverStreaming:
      guard flags.contains(.more) || flags.contains(.endStream) else {
        throw ConnectionViolation(.invalidArgument, "a CALL with one request that does not end")
      }
      stream.sink = .request(call)
      if flags.contains(.more) {
        stream.requestDeadline = lastReadAt + .milliseconds(Int64(limits.requestTimeoutMs))
        watch(stream.requestDeadline)
      }
      try receivePart(payload, flags: flags, cost: 0, on: stream)
    case .clientStreaming, .bidirectional:
      guard payload.isEmpty, !flags.contains(.more) else {
        throw ConnectionViolation(.invalidArgument, "a CALL with a message where DATA belongs")
      }
      let queue = MessageQueue()
      stream.sink = .queue(queue)
      if flags.contains(.endStream) {
        stream.hasReceivedEnd = true
        queue.finish(nil)
      }
      start(call, request: nil, on: stream)
    }
  }

  private func deadline(of frame: InboundFrame) -> Deadline? {
    guard frame.timeoutUs > 0 else { return nil }
    let (sum, overflow) =
      readMicroseconds.addingReportingOverflow(Int64(clamping: frame.timeoutUs))
    return Deadline(monotonicMicroseconds: overflow ? .max : sum)
  }

  /// Runs the handler in a task of its own.
  func start(_ call: StartableCall, request: ByteBuffer?, on stream: CallStream) {
    guard let core = server, let own else { return }
    // A request that was let in when there was room may be unpacked only while there still is.
    guard !core.memory.isFull else {
      refuse(stream, MemoryBudget.full)
      return
    }
    stream.isRunning = true
    let queue: MessageQueue =
      if case .queue(let queue) = stream.sink { queue } else { MessageQueue() }
    let handle = StreamHandle(
      connection: own, link: stream.link, queue: queue, ledger: ledger,
      readThreshold: limits.streamCredit / 2, cancelsWhenDropped: false)
    let request = request ?? ByteBuffer()
    let heldByteCount = MemoryBudget.handlerByteCount(request: request.readableBytes)
    core.memory.add(heldByteCount)
    let run = HandlerRun(
      call: call, request: request, stream: handle, core: core, connection: own,
      heldByteCount: heldByteCount)
    stream.task = Task(executorPreference: core.taskExecutor) { await run.execute() }
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
      } else if bytes.readableBytes <= ConnectionLimits.chunkByteCount, stream.outgoing.isEmpty,
        takesMore
      {
        sendReply(bytes, on: stream)
      } else if isMemoryFull {
        refuse(stream, MemoryBudget.full)
      } else {
        enqueue(OutgoingMessage(bytes: bytes, ending: .reply, completion: nil), on: stream)
      }
    }
  }

  /// Ends a call with success; `bytes` are the last part of its reply.
  func sendReply(_ bytes: ByteBuffer, on stream: CallStream) {
    send(FrameHead(.reply, stream: stream.id), payload: bytes)
    close(stream, .ok, error: nil)
  }

  /// Ends a call with an error; its handler is cancelled.
  func refuse(_ stream: CallStream, _ error: RPCError) {
    answer(stream.id, error)
    close(stream, error.code, error: error)
  }

  private func answer(_ stream: UInt32, _ error: RPCError) {
    send(
      FrameHead(.reply, stream: stream, status: error.code),
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
    reportFinished(stream.method, code, since: stream.startedMicroseconds)
  }

  private func reportFinished(_ method: MethodDescriptor, _ code: StatusCode, since: Int64) {
    guard let core = server, !core.configuration.interceptors.isEmpty, let peer else { return }
    core.finished(method, peer, code, since: since)
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
    // A client that has this server's HELLO may have sent calls behind its own, which is on its way.
    guard phase == .open || phase == .greeting else {
      fail(RPCError(.unavailable, "the server is shutting down"))
      return
    }
    sendGoaway(.ok, "the server is shutting down")
    closeIfDrained()
  }
}

/// A method as one peer calls it.
final class MethodBinding {
  let id: UInt32
  let entry: Router.Entry
  let origin: CallOrigin
  /// The handler, where it runs in place.
  let inline: MethodHandler.Inline?

  init(entry: Router.Entry, origin: CallOrigin) {
    id = entry.method.id
    self.entry = entry
    self.origin = origin
    inline = if case .inline(let handler) = entry.handler { handler } else { nil }
  }
}
