package import DynamicMessages
package import RPC
package import SchemaModel
internal import Synchronization
internal import WireFormat

/// One call of a method that is only known when the program runs: JSON in, JSON out.
package struct DynamicCall: Sendable {
  package let method: Method
  package let codec: MessageCodec
  package var style = JSONStyle()
  package var options = CallOptions()

  private let client: RPCClient

  package init(_ method: Method, of schema: ServerSchema, through client: RPCClient) {
    self.method = method
    self.client = client
    codec = schema.codec
  }

  /// Whether more than one request may be sent.
  package var takesMany: Bool { [.clientStreaming, .bidirectional].contains(method.kind) }

  /// Whether more than one reply may come.
  package var givesMany: Bool { [.serverStreaming, .bidirectional].contains(method.kind) }

  /// Makes the call. Requests are taken from `next` until it gives `nil`; where only one is sent,
  /// one is taken, and none is the empty message. Replies go to `show` as they come, also while
  /// requests are still sent.
  ///
  /// - Throws: `RPCError` for a call that failed, `DynamicMessageError` for what does not fit the
  ///   schema, and whatever `next` throws.
  package func run(
    next: @escaping @Sendable () async throws -> JSONValue?, show: (JSONValue) throws -> Void
  ) async throws {
    switch method.kind {
    case .unary:
      let request = try pack(await next() ?? .object([]))
      let reply: PackedMessage = try await client.unary(descriptor, request, options: options)
      try show(json(reply))
    case .serverStreaming:
      let request = try pack(await next() ?? .object([]))
      let replies: ReplyStream<PackedMessage> = try await client.serverStreaming(
        descriptor, request, options: options)
      for try await reply in replies { try show(json(reply)) }
    case .clientStreaming:
      try await exchange(
        try await client.clientStreaming(descriptor, options: options), next, show)
    case .bidirectional:
      try await exchange(try await client.bidirectional(descriptor, options: options), next, show)
    }
  }

  private typealias Stream = ClientStream<PackedMessage, PackedMessage>

  private func exchange(
    _ stream: Stream, _ next: @escaping @Sendable () async throws -> JSONValue?,
    _ show: (JSONValue) throws -> Void
  ) async throws {
    let fault = FirstFault()
    // Not a child task: whoever types the requests may never end, the call may.
    let sender = Task {
      do {
        while let request = try await next() { try await stream.send(pack(request)) }
        try await stream.finish()
      } catch is RPCError {
        // The server ended the call; its status stands in the replies.
      } catch {
        fault.set(error)
        stream.cancel()
      }
    }
    defer { sender.cancel() }
    do {
      for try await reply in stream.replies { try show(json(reply)) }
    } catch {
      throw fault.error ?? error
    }
    if let error = fault.error { throw error }
  }

  private var descriptor: MethodDescriptor {
    let kind: CallKind =
      switch method.kind {
      case .unary: .unary
      case .clientStreaming: .clientStreaming
      case .serverStreaming: .serverStreaming
      case .bidirectional: .bidirectional
      }
    return MethodDescriptor(
      id: method.id, name: method.fullName, kind: kind, scope: method.scope ?? "",
      isInline: method.isInline, isIdempotent: method.isIdempotent)
  }

  private func pack(_ request: JSONValue) throws(DynamicMessageError) -> PackedMessage {
    PackedMessage(try codec.pack(json: request, as: method.input))
  }

  private func json(_ reply: PackedMessage) throws -> JSONValue {
    do {
      return try codec.json(unpacking: reply.bytes, as: method.output, style: style)
    } catch {
      throw RPCError(.internalError, "the reply cannot be read: \(error)")
    }
  }
}

/// The first error of a task that runs beside.
private final class FirstFault: Sendable {
  private let state = Mutex<(any Error)?>(nil)

  var error: (any Error)? { state.withLock { $0 } }

  func set(_ error: any Error) { state.withLock { $0 = $0 ?? error } }
}
