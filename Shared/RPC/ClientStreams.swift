internal import NIOCore
public import WireFormat

/// The replies of a server. Read by one task, once; what is not read is not sent (flow control).
/// Dropping it cancels the call.
public struct ReplyStream<Reply: WireMessage>: AsyncSequence, Sendable {
  public typealias Element = Reply
  public typealias Failure = RPCError

  private let stream: StreamHandle

  init(_ stream: StreamHandle) { self.stream = stream }

  /// Ends the call; the server's handler is cancelled.
  public func cancel() { stream.cancel() }

  public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }

  /// Reads one reply after the other.
  public struct Iterator: AsyncIteratorProtocol {
    let stream: StreamHandle

    /// The next reply; `nil` once the server has ended the call with success. Throws the status of
    /// a call that failed.
    public mutating func next() async throws(RPCError) -> Reply? {
      guard let bytes = try await stream.next() else { return nil }
      return try Reply(reply: bytes)
    }

    /// The same, for the language's loops.
    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(RPCError) -> Reply? {
      guard let bytes = try await stream.next() else { return nil }
      return try Reply(reply: bytes)
    }
  }
}

/// A client-streaming or bidirectional call, from the client's side. Dropping it cancels the call.
public struct ClientStream<Request: WireMessage, Reply: WireMessage>: Sendable {
  private let stream: StreamHandle

  /// What the server sends.
  public let replies: ReplyStream<Reply>

  init(_ stream: StreamHandle) {
    self.stream = stream
    replies = ReplyStream(stream)
  }

  /// Sends one request; returns when it has been handed to the socket. Waits while the server does
  /// not read. Throws when the server has ended the call: its status then stands in `replies`.
  public func send(_ request: Request) async throws(RPCError) {
    try await stream.send(ByteBuffer(request))
  }

  /// Says that no request follows.
  public func finish() async throws(RPCError) { try await stream.finish() }

  /// Says that no request follows and waits for the one reply of a client-streaming call.
  public func finishAndReceive() async throws(RPCError) -> Reply {
    do {
      try await stream.finish()
    } catch  where error == .ended {
      // The server answered before it had read everything; its reply counts.
    }
    guard let bytes = try await stream.next() else {
      throw RPCError(.internalError, "the server ended the call without a reply")
    }
    return try Reply(reply: bytes)
  }

  /// Ends the call; the server's handler is cancelled.
  public func cancel() { stream.cancel() }
}

extension WireMessage {
  /// Reads a reply: one that cannot be decoded is the server's fault.
  init(reply bytes: ByteBuffer) throws(RPCError) {
    do {
      try self.init(bytes)
    } catch {
      throw RPCError(.internalError, "the reply cannot be decoded: \(error.message)")
    }
  }
}
