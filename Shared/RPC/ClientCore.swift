internal import Synchronization

/// What one connection of a client tells the client it belongs to.
final class ClientCore: Sendable {
  /// How the server is called in messages: `tacit-consent at 127.0.0.1:7101`.
  let name: String
  let schemaFingerprint: UInt64
  /// Runs the tasks that want to be where the connection is.
  let executor: LoopExecutor
  private let onOpen: @Sendable (Connection) -> Void
  private let onEnd: @Sendable (RPCError) -> Void

  /// - Parameters:
  ///   - onOpen: the HELLOs are exchanged; calls may be made.
  ///   - onEnd: no further call may be made, because the connection has ended, never was opened
  ///     or is being drained. May be called more than once.
  init(
    name: String, schemaFingerprint: UInt64, executor: LoopExecutor,
    onOpen: @escaping @Sendable (Connection) -> Void,
    onEnd: @escaping @Sendable (RPCError) -> Void
  ) {
    self.name = name
    self.schemaFingerprint = schemaFingerprint
    self.executor = executor
    self.onOpen = onOpen
    self.onEnd = onEnd
  }

  func opened(_ connection: Connection?) {
    if let connection { onOpen(connection) }
  }

  func draining() { onEnd(RPCError(.unavailable, "\(name) is shutting down")) }

  func ended(_ error: RPCError) { onEnd(error) }
}
