public import PrivacyCore

/// Where the three PEM files of a peer are.
public struct TLSMaterial: Hashable, Sendable {
  /// The peer's own certificate, followed by intermediate certificates where there are any.
  public let certificatePath: String

  /// The private key that belongs to it.
  public let keyPath: String

  /// The certificates of the authorities whose peers are trusted.
  public let authorityPath: String

  /// The paths of a peer's certificate, its key and the trusted authorities.
  public init(certificatePath: String, keyPath: String, authorityPath: String) {
    self.certificatePath = certificatePath
    self.keyPath = keyPath
    self.authorityPath = authorityPath
  }
}

extension TLSMaterial {
  /// The three files.
  var paths: [String] { [certificatePath, keyPath, authorityPath] }
}

/// How a server protects its port.
public enum ServerSecurity: Sendable {
  /// TLS 1.3; every client must show a certificate of a trusted authority.
  case mutualTLS(TLSMaterial, time: any TimeSource = SystemTime())

  /// Plain TCP, refused on any address but a loopback one. Every peer is `PeerIdentity.local`.
  case plainLoopback
}

/// How a client protects a connection.
public enum ClientSecurity: Sendable {
  /// TLS 1.3. The server must show a certificate of a trusted authority that names a service;
  /// with `expects` it must be this service.
  case mutualTLS(TLSMaterial, expects: String? = nil, time: any TimeSource = SystemTime())

  /// Plain TCP, refused on any address but a loopback one.
  case plainLoopback
}
