internal import Logging
internal import NIOCore
internal import NIOSSL
internal import PrivacyCore

/// What one side needs for a connection, made from its files.
private struct TLSSide: Sendable {
  let context: NIOSSLContext
  let verifier: PeerVerifier
}

/// Makes the TLS handler of each accepted connection.
struct ServerTLS: Sendable {
  private let side: MadeFromFiles<TLSSide>

  /// Reads the files of `material` now, and again when they are replaced.
  init(_ material: TLSMaterial, time: any TimeSource, log: Logger) throws(TransportError) {
    side = try MadeFromFiles(material.paths, time: time, log: log) { () throws(TransportError) in
      let credentials = try Credentials(material, time: time)
      var configuration = TLSConfiguration.makeServerConfigurationWithMTLS(
        certificateChain: credentials.chain.map { .certificate($0) },
        privateKey: .privateKey(credentials.key),
        trustRoots: .certificates(credentials.authorityCertificates))
      configuration.minimumTLSVersion = .tlsv13
      return TLSSide(
        context: try makeContext(configuration),
        verifier: PeerVerifier(
          authorities: credentials.authorities, requirement: .client, time: time))
    }
  }

  /// The handler of one connection; `handshake` learns who the peer is.
  func handler(for handshake: Handshake) -> NIOSSLServerHandler {
    let side = side.current
    return NIOSSLServerHandler(
      context: side.context, customVerificationCallback: callback(side.verifier, handshake))
  }
}

/// Makes the TLS handler of each opened connection.
struct ClientTLS: Sendable {
  private let side: MadeFromFiles<TLSSide>

  /// Reads the files of `material` now, and again when they are replaced.
  init(
    _ material: TLSMaterial, expects service: String?, time: any TimeSource, log: Logger
  ) throws(TransportError) {
    side = try MadeFromFiles(material.paths, time: time, log: log) { () throws(TransportError) in
      let credentials = try Credentials(material, time: time)
      var configuration = TLSConfiguration.makeClientConfiguration()
      configuration.certificateChain = credentials.chain.map { .certificate($0) }
      configuration.privateKey = .privateKey(credentials.key)
      configuration.trustRoots = .certificates(credentials.authorityCertificates)
      configuration.certificateVerification = .noHostnameVerification
      configuration.minimumTLSVersion = .tlsv13
      return TLSSide(
        context: try makeContext(configuration),
        verifier: PeerVerifier(
          authorities: credentials.authorities,
          requirement: service.map { .service($0) } ?? .anyService, time: time))
    }
  }

  /// The handler of one connection; `handshake` learns who the peer is.
  func handler(for handshake: Handshake) throws -> NIOSSLClientHandler {
    let side = side.current
    return try NIOSSLClientHandler(
      context: side.context, serverHostname: nil,
      customVerificationCallback: callback(side.verifier, handshake))
  }
}

private func makeContext(
  _ configuration: TLSConfiguration
) throws(TransportError) -> NIOSSLContext {
  do {
    return try NIOSSLContext(configuration: configuration)
  } catch {
    throw .badTLSConfiguration(
      reason: "the private key does not belong to the certificate, or one of them is damaged")
  }
}

private func callback(
  _ verifier: PeerVerifier, _ handshake: Handshake
) -> NIOSSLCustomVerificationCallback {
  { chain, promise in
    promise.completeWithTask {
      do throws(PeerVerifier.Refusal) {
        handshake.accept(try await verifier.verify(chain))
        return .certificateVerified
      } catch {
        handshake.refuse(error.reason)
        return .failed
      }
    }
  }
}
