internal import NIOCore
public import WireFormat

/// A method's handler, with its message types put away.
enum MethodHandler: Sendable {
  typealias Inline =
    @Sendable (UnsafeRawBufferPointer, CallContext, (UnsafeRawBufferPointer) -> Void) throws -> Void

  /// Runs where the frame was read. The reply's bytes are handed to the last parameter, and are
  /// valid only there.
  case inline(Inline)
  case unary(@Sendable (ByteBuffer, CallContext) async throws -> ByteBuffer)
  case serverStreaming(@Sendable (ByteBuffer, StreamHandle, CallContext) async throws -> Void)
  case clientStreaming(@Sendable (StreamHandle, CallContext) async throws -> ByteBuffer)
  case bidirectional(@Sendable (StreamHandle, CallContext) async throws -> Void)
}

extension WireMessage {
  /// Reads a request or a reply.
  init(_ bytes: ByteBuffer) throws(RPCError) {
    // No optional or result of `Self`: see `CopiedThroughC`.
    var message = Self()
    var failure: RPCError?
    bytes.withUnsafeReadableBytes { bytes in
      do throws(RPCError) {
        message = try Self(reading: bytes)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    self = message
  }

  /// Reads a request where it lies.
  init(reading bytes: UnsafeRawBufferPointer) throws(RPCError) {
    do throws(WireError) {
      self = try Self(packed: bytes, limit: .standard)
    } catch {
      throw RPCError(unreadable: error)
    }
  }
}

extension RPCError {
  /// The error of a request that cannot be decoded.
  @usableFromInline
  init(unreadable error: WireError) {
    self.init(.invalidArgument, error.description, details: error.details)
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
