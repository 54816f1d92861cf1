internal import NIOCore
public import WireFormat

/// Which handler answers which method. Generated code fills it: `service.register(on: &router)`.
public struct Router: Sendable {
  final class Entry: Sendable {
    let method: MethodDescriptor
    let handler: MethodHandler

    init(method: MethodDescriptor, handler: MethodHandler) {
      self.method = method
      self.handler = handler
    }
  }

  private var entries: [UInt32: Entry] = [:]

  /// No methods.
  public init() {}

  /// The methods that are answered.
  public var methods: [MethodDescriptor] {
    entries.values.map(\.method).sorted { $0.name < $1.name }
  }

  /// Answers a method that takes one request and gives one reply.
  public mutating func unary<Request: WireMessage, Reply: WireMessage>(
    _ method: MethodDescriptor,
    _ handler: @escaping @Sendable (Request, CallContext) async throws -> Reply
  ) {
    add(
      method, .unary,
      .unary { request, context in
        ByteBuffer(try await handler(try Request(request), context))
      })
  }

  /// Answers a method that takes one request and gives one reply, and is marked `inline` in the
  /// schema: the handler runs on the event loop, where the frame was read, without a task. It must
  /// be short and never wait; every other call of its connection waits for it.
  // Inlinable, so that it is compiled for the service's own types where those are known.
  @inlinable
  public mutating func inlineUnary<Request: WireMessage, Reply: WireMessage>(
    _ method: MethodDescriptor,
    _ handler: @escaping @Sendable (Request, CallContext) throws -> Reply
  ) {
    addInline(method) { bytes, context, answer in
      let request: Request
      do throws(WireError) {
        request = try Request(packed: bytes, limit: .standard)
      } catch {
        throw RPCError(unreadable: error)
      }
      try handler(request, context).pack(answer)
    }
  }

  @usableFromInline
  mutating func addInline(
    _ method: MethodDescriptor,
    _ handler:
      @escaping @Sendable (
        UnsafeRawBufferPointer, CallContext, (UnsafeRawBufferPointer) -> Void
      ) throws -> Void
  ) {
    add(method, .unary, .inline(handler))
  }

  /// Answers a method that takes one request and gives many replies.
  public mutating func serverStreaming<Request: WireMessage, Reply: WireMessage>(
    _ method: MethodDescriptor,
    _ handler: @escaping @Sendable (Request, ReplyWriter<Reply>, CallContext) async throws -> Void
  ) {
    add(
      method, .serverStreaming,
      .serverStreaming { request, stream, context in
        try await handler(try Request(request), ReplyWriter(stream), context)
      })
  }

  /// Answers a method that takes many requests and gives one reply.
  public mutating func clientStreaming<Request: WireMessage, Reply: WireMessage>(
    _ method: MethodDescriptor,
    _ handler: @escaping @Sendable (RequestStream<Request>, CallContext) async throws -> Reply
  ) {
    add(
      method, .clientStreaming,
      .clientStreaming { stream, context in
        ByteBuffer(try await handler(RequestStream(stream), context))
      })
  }

  /// Answers a method with many messages in both directions at once.
  public mutating func bidirectional<Request: WireMessage, Reply: WireMessage>(
    _ method: MethodDescriptor,
    _ handler:
      @escaping @Sendable (RequestStream<Request>, ReplyWriter<Reply>, CallContext) async throws
      -> Void
  ) {
    add(
      method, .bidirectional,
      .bidirectional { stream, context in
        try await handler(RequestStream(stream), ReplyWriter(stream), context)
      })
  }

  func entry(_ id: UInt32) -> Entry? { entries[id] }

  private mutating func add(_ method: MethodDescriptor, _ kind: CallKind, _ handler: MethodHandler)
  {
    precondition(method.kind == kind, "\(method.name) is registered as another kind of call")
    precondition(entries[method.id] == nil, "\(method.name) is registered twice")
    entries[method.id] = Entry(method: method, handler: handler)
  }
}
