internal import NIOCore
internal import NIOSSL
internal import PrivacyCore

/// Makes the TLS handler of each accepted connection.
struct ServerTLS: Sendable {
  private let context: NIOSSLContext
  private let verifier: PeerVerifier

  /// Reads the files of `material` once.
  init(_ material: TLSMaterial, time: any TimeSource) throws(TransportError) {
    let credentials = try Credentials(material, time: time)
    var configuration = TLSConfiguration.makeServerConfigurationWithMTLS(
      certificateChain: credentials.chain.map { .certificate($0) },
      privateKey: .privateKey(credentials.key),
      trustRoots: .certificates(credentials.authorityCertificates))
    configuration.minimumTLSVersion = .tlsv13
    context = try makeContext(configuration)
    verifier = PeerVerifier(
      authorities: credentials.authorities, requirement: .client, time: time)
  }

  /// The handler of one connection; `handshake` learns who the peer is.
  func handler(for handshake: Handshake) -> NIOSSLServerHandler {
    NIOSSLServerHandler(
      context: context, customVerificationCallback: callback(verifier, handshake))
  }
}

/// Makes the TLS handler of each opened connection.
struct ClientTLS: Sendable {
  private let context: NIOSSLContext
  private let verifier: PeerVerifier

  /// Reads the files of `material` once.
  init(
    _ material: TLSMaterial, expects service: String?, time: any TimeSource
  ) throws(TransportError) {
    let credentials = try Credentials(material, time: time)
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.certificateChain = credentials.chain.map { .certificate($0) }
    configuration.privateKey = .privateKey(credentials.key)
    configuration.trustRoots = .certificates(credentials.authorityCertificates)
    configuration.certificateVerification = .noHostnameVerification
    configuration.minimumTLSVersion = .tlsv13
    context = try makeContext(configuration)
    verifier = PeerVerifier(
      authorities: credentials.authorities,
      requirement: service.map { .service($0) } ?? .anyService, time: time)
  }

  /// The handler of one connection; `handshake` learns who the peer is.
  func handler(for handshake: Handshake) throws -> NIOSSLClientHandler {
    try NIOSSLClientHandler(
      context: context, serverHostname: nil,
      customVerificationCallback: callback(verifier, handshake))
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
