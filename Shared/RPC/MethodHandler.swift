internal import NIOCore
internal import WireFormat

/// A method's handler, with its message types put away.
enum MethodHandler: Sendable {
  case unary(@Sendable (ByteBuffer, CallContext) async throws -> ByteBuffer)
  case serverStreaming(@Sendable (ByteBuffer, StreamHandle, CallContext) async throws -> Void)
  case clientStreaming(@Sendable (StreamHandle, CallContext) async throws -> ByteBuffer)
  case bidirectional(@Sendable (StreamHandle, CallContext) async throws -> Void)
}

extension WireMessage {
  /// Reads a request or a reply.
  init(_ bytes: ByteBuffer) throws(RPCError) {
    do {
      self = try bytes.withUnsafeReadableBytes { pointer in
        try Self(packed: pointer, limit: .standard)
      }
    } catch let error as WireError {
      throw RPCError(.invalidArgument, error.description, details: error.details)
    } catch {
      throw RPCError(.invalidArgument, "the bytes are not a \(Self.messageName)")
    }
  }
}

extension WireError {
  /// The field that is wrong, for a program.
  fileprivate var details: [StatusDetail] {
    switch self {
    case .invalidText(let field), .tooManyBytes(let field, _, _),
      .tooManyElements(let field, _, _):
      [StatusDetail("field", field)]
    default: []
    }
  }
}
