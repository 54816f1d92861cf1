internal import NIOCore
internal import WireFormat

// Unary calls from tasks that run on the connection's event loop: packed into what goes out,
// answered out of what came in, without anything in between.
extension ConnectionHandler {
  /// Opens a call if it can be sent at once and whole; `nil`, with nothing sent, where it must go
  /// the longer way.
  func openInPlace(
    _ method: MethodDescriptor, _ request: some WireMessage, timeoutUs: UInt64
  ) -> CallStream? {
    guard phase == .open, goawayStream == nil, let context, waitingCalls.isEmpty,
      streams.count < Int(peerHello.streamCountMax)
    else { return nil }
    let id = nextStream
    var head = FrameHead(.call, stream: id, flags: .endStream)
    head.method = method.id
    head.timeoutUs = timeoutUs
    let byteCountMax = min(ConnectionLimits.chunkByteCount, Int(peerHello.frameByteCountMax))
    var isSent = false
    request.pack { bytes in
      guard bytes.count <= byteCountMax else { return }
      send(head, bytes: bytes)
      isSent = true
    }
    guard isSent else { return nil }
    let stream = callerStream(id, method)
    streams.insert(stream)
    use(stream: id)
    if timeoutUs > 0 {
      // A question to the clock for each call of a batch is saved.
      let now = isReading ? lastReadAt : context.eventLoop.now
      stream.deadline = now + .microseconds(Int64(timeoutUs))
      watch(stream.deadline)
    }
    return stream
  }

  private func callerStream(_ id: UInt32, _ method: MethodDescriptor) -> CallStream {
    if let spare = spareStreams.popLast() {
      spare.reuse(id: id, method: method)
      return spare
    }
    let stream = CallStream(
      id: id, link: .none, method: method, sink: .caller(nil),
      sendCredit: Int(peerHello.streamCredit), receiveCredit: limits.streamCredit)
    stream.hasSentEnd = true
    return stream
  }

  /// The caller waits now; it may be that the call has ended already.
  func wait(for stream: CallStream, _ continuation: UnsafeContinuation<Void, Never>) {
    context?.eventLoop.assertInEventLoop()
    if case .caller = stream.sink {
      stream.sink = .caller(continuation)
    } else {
      continuation.resume()
    }
  }

  /// Ends a call whose task was cancelled.
  func cancel(stream id: UInt32) {
    if let stream = streams[id] { abandon(stream, .cancelled) }
  }

  /// Tells the caller how its call ended; without an error, its reply stands in the stream.
  func answerCaller(of stream: CallStream, _ error: RPCError?, wasStarted: Bool) {
    guard case .caller(let continuation) = stream.sink else { return }
    if let error { stream.failure = CallFailure(error: error, wasStarted: wasStarted) }
    stream.sink = .none
    continuation?.resume()
  }

  /// Takes back a stream whose reply the caller has read.
  func recycle(_ stream: CallStream) {
    guard stream.isAsNew, spareStreams.count < Self.spareStreamCountMax else { return }
    spareStreams.append(stream)
  }

  private static var spareStreamCountMax: Int { 256 }
}
