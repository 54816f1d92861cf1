internal import Logging
internal import NIOCore
internal import WireFormat

/// The task of one call at a server: runs the handler, and hands its outcome to the connection.
struct HandlerRun: Sendable {
  let call: StartableCall
  let request: ByteBuffer
  let stream: StreamHandle
  let core: ServerCore
  let connection: Connection
  /// What the server counts for it until it has ended.
  let heldByteCount: Int

  func execute() async {
    core.taskStarted()
    // Cancelled before it began, as a flood of calls and cancellations is: nothing is begun then.
    let outcome = Task.isCancelled ? .failure(.cancelled) : await outcome()
    core.taskEnded()
    core.memory.give(heldByteCount)
    let id = stream.link.stream
    connection.run { $0.finish(id, outcome) }
  }

  private func outcome() async -> Result<ByteBuffer, RPCError> {
    do {
      return .success(try await reply())
    } catch {
      return .failure(core.visible(error, method: call.context.method))
    }
  }

  /// The last message of the call; a call that streams its replies has none.
  private func reply() async throws -> ByteBuffer {
    switch call.handler {
    case .inline(let handler):
      var reply = ByteBuffer()
      try request.withUnsafeReadableBytes { bytes in
        try handler(bytes, call.context) { reply.writeBytes($0) }
      }
      return reply
    case .unary(let handler): return try await handler(request, call.context)
    case .clientStreaming(let handler): return try await handler(stream, call.context)
    case .serverStreaming(let handler): try await handler(request, stream, call.context)
    case .bidirectional(let handler): try await handler(stream, call.context)
    }
    return ByteBuffer()
  }
}

extension ServerCore {
  /// What the caller learns of an error.
  func visible(_ error: any Error, method: MethodDescriptor) -> RPCError {
    switch error {
    case let error as RPCError: return error
    case let error as any RPCErrorConvertible:
      let visible = error.rpcError
      // A fault of the service: its caller learns that it is one, and no more.
      if visible.code == .internalError { report(error, method) }
      return visible
    case is CancellationError: return .cancelled
    default:
      report(error, method)
      return RPCError(.internalError, "")
    }
  }

  private func report(_ error: any Error, _ method: MethodDescriptor) {
    log.error(
      "a handler failed",
      metadata: [
        "method": "\(method.name)", "error": "\(type(of: error)): \(error)",
      ])
  }
}
