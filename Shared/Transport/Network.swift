package import Logging
package import NIOCore
internal import NIOPosix

/// Where connections come from: the machine's sockets, or a network in memory that a simulation
/// decides about.
package protocol Network: Sendable {
  /// The event loop that the next connection of a client lives on.
  func eventLoop() -> any EventLoop

  /// Runs the tasks of calls and connections; `nil` for Swift's own pool of threads.
  var taskExecutor: (any TaskExecutor)? { get }

  /// Listens on `endpoint` (port 0: any free port).
  func listen(
    on endpoint: Endpoint, security: ServerSecurity, log: Logger,
    setup: @escaping ConnectionSetup
  ) async throws(TransportError) -> Listener

  /// Connects to `endpoint` within `timeout`; the connection lives on `eventLoop`.
  func connect(
    to endpoint: Endpoint, security: ClientConnectionSecurity, eventLoop: any EventLoop,
    timeout: TimeAmount, setup: @escaping ConnectionSetup
  ) async throws(TransportError) -> any Channel
}

/// Adds the caller's handlers to a new connection, on its event loop.
package typealias ConnectionSetup = @Sendable (any Channel, Handshake) throws -> Void

/// An open door: where it really stands, and how it is closed.
package struct Listener: Sendable {
  /// The endpoint with the port that is really used.
  package let endpoint: Endpoint
  private let closing: @Sendable () async -> Void

  /// A listener that `close` closes.
  package init(endpoint: Endpoint, close: @escaping @Sendable () async -> Void) {
    self.endpoint = endpoint
    closing = close
  }

  /// Stops accepting; leaves accepted connections alone.
  package func close() async { await closing() }
}

/// TCP through the machine's sockets, on the process's event loops.
package struct SocketNetwork: Network {
  package init() {}

  package func eventLoop() -> any EventLoop { MultiThreadedEventLoopGroup.singleton.next() }

  package var taskExecutor: (any TaskExecutor)? { nil }

  package func listen(
    on endpoint: Endpoint, security: ServerSecurity, log: Logger,
    setup: @escaping ConnectionSetup
  ) async throws(TransportError) -> Listener {
    let channel = try await Sockets.listen(
      on: endpoint, security: security, group: MultiThreadedEventLoopGroup.singleton, log: log,
      setup: setup)
    let bound = try endpoint.with(port: channel.localAddress?.port ?? endpoint.port)
    return Listener(endpoint: bound) { try? await channel.close() }
  }

  package func connect(
    to endpoint: Endpoint, security: ClientConnectionSecurity, eventLoop: any EventLoop,
    timeout: TimeAmount, setup: @escaping ConnectionSetup
  ) async throws(TransportError) -> any Channel {
    try await Sockets.connect(
      to: endpoint, security: security, group: eventLoop, timeout: timeout, setup: setup)
  }
}
