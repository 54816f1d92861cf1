internal import NIOCore
public import WireFormat

/// The requests of a client, for the handler of a client-streaming or bidirectional call. Read by
/// one task; what is not read is not sent (flow control).
public struct RequestStream<Request: WireMessage>: AsyncSequence, Sendable {
  public typealias Element = Request
  public typealias Failure = RPCError

  private let stream: StreamHandle

  init(_ stream: StreamHandle) { self.stream = stream }

  public func makeAsyncIterator() -> Iterator { Iterator(stream: stream) }

  /// Reads one request after the other.
  public struct Iterator: AsyncIteratorProtocol {
    let stream: StreamHandle

    /// The next request; `nil` once the client has finished. Throws when the call was cancelled or
    /// a request cannot be decoded.
    public mutating func next() async throws(RPCError) -> Request? {
      guard let bytes = try await stream.next() else { return nil }
      return try Request(bytes)
    }

    /// The same, for the language's loops.
    public mutating func next(
      isolation actor: isolated (any Actor)?
    ) async throws(RPCError) -> Request? {
      guard let bytes = try await stream.next() else { return nil }
      return try Request(bytes)
    }
  }
}

/// Sends the replies of a server-streaming or bidirectional call.
public struct ReplyWriter<Reply: WireMessage>: Sendable {
  private let stream: StreamHandle

  init(_ stream: StreamHandle) { self.stream = stream }

  /// Sends one reply; returns when it has been handed to the socket. Waits while the client does
  /// not read; throws when the call was cancelled or its connection is gone.
  public func send(_ reply: Reply) async throws(RPCError) {
    try await stream.send(ByteBuffer(reply))
  }
}
