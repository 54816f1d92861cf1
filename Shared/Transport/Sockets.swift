package import Logging
package import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import PrivacyCore

/// Opens and accepts TCP connections, with TLS below whatever handlers the caller adds.
package enum Sockets {
  /// Listens on `endpoint`. Returns the listening channel; closing it stops accepting and leaves
  /// accepted connections alone.
  package static func listen(
    on endpoint: Endpoint, security: ServerSecurity, group: any EventLoopGroup, log: Logger,
    setup: @escaping ConnectionSetup
  ) async throws(TransportError) -> any Channel {
    let tls: ServerTLS?
    switch security {
    case .plainLoopback:
      guard endpoint.isLoopback else {
        throw .plainBeyondLoopback(endpoint: endpoint.description)
      }
      tls = nil
    case .mutualTLS(let material, let time):
      tls = try ServerTLS(material, time: time, log: log)
    }
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1_024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.recvAllocator, value: readSizes)
      .childChannelOption(.writeBufferWaterMark, value: watermark)
      .childChannelOption(unsentByteCountMax, value: 16_384)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let handshake = tls == nil ? Handshake(plain: .local) : Handshake()
          if let tls {
            try channel.pipeline.syncOperations.addHandler(tls.handler(for: handshake))
          }
          try setup(channel, handshake)
        }
      }
    do {
      return try await bootstrap.bind(host: endpoint.host, port: endpoint.port).get()
    } catch {
      throw .cannotListen(endpoint: endpoint.description, reason: reason(of: error))
    }
  }

  /// Connects to `endpoint` within `timeout`.
  package static func connect(
    to endpoint: Endpoint, security: ClientConnectionSecurity, group: any EventLoopGroup,
    timeout: TimeAmount, setup: @escaping ConnectionSetup
  ) async throws(TransportError) -> any Channel {
    let bootstrap = ClientBootstrap(group: group)
      .connectTimeout(timeout)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelOption(.recvAllocator, value: readSizes)
      .channelOption(.writeBufferWaterMark, value: watermark)
      .channelOption(unsentByteCountMax, value: 16_384)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let handshake = security.tls == nil ? Handshake(plain: .local) : Handshake()
          if let tls = security.tls {
            try channel.pipeline.syncOperations.addHandler(tls.handler(for: handshake))
          }
          try setup(channel, handshake)
        }
      }
    do {
      return try await bootstrap.connect(host: endpoint.host, port: endpoint.port).get()
    } catch {
      throw .cannotConnect(endpoint: endpoint.description, reason: reason(of: error))
    }
  }

  // What lies in the socket is taken with one read, as far as it goes. The buffer is the same every
  // time: the handlers above keep nothing of it.
  private static let readSizes = AdaptiveRecvByteBufferAllocator(
    minimum: 16_384, initial: 16_384, maximum: 65_536)

  /// A connection whose queue holds more bytes than this takes no more until it is empty: data waits
  /// in its stream instead, so that a small answer stands behind one piece of a large one at most.
  package static let queuedByteCountMax = 65_535

  private static let watermark = ChannelOptions.Types.WriteBufferWaterMark(
    low: 1, high: queuedByteCountMax)

  /// The same for what the kernel has taken and not sent: Linux's TCP_NOTSENT_LOWAT, which Glibc's
  /// module lacks. Without it megabytes wait there, where nothing can overtake them.
  private static let unsentByteCountMax = ChannelOptions.Types.SocketOption(
    level: .tcp, name: NIOBSDSocket.Option(rawValue: 25))
}

/// A client's security with its files read.
package struct ClientConnectionSecurity: Sendable {
  let tls: ClientTLS?

  /// Reads the files now, and again when they are replaced; refuses plain TCP to another machine.
  package init(
    _ security: ClientSecurity, endpoint: Endpoint, log: Logger
  ) throws(TransportError) {
    switch security {
    case .plainLoopback:
      guard endpoint.isLoopback else {
        throw .plainBeyondLoopback(endpoint: endpoint.description)
      }
      tls = nil
    case .mutualTLS(let material, let service, let time):
      tls = try ClientTLS(material, expects: service, time: time, log: log)
    }
  }
}
