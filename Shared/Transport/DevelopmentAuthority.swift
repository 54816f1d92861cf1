internal import Crypto
public import Foundation
public import PrivacyCore
internal import SwiftASN1
internal import X509

/// A certificate authority of one's own, for development and for the local stack: `ca.pem` and
/// `ca-key.pem` in a directory, and certificates that name services and users by SPIFFE id.
///
/// Keys are ECDSA P-256, in files that only their owner may read (0600). Nothing is overwritten
/// unless it is asked for.
public struct DevelopmentAuthority: Sendable {
  /// How long certificates are valid unless said otherwise: 30 days.
  public static let validityDaysDefault = 30

  private let directory: URL
  private let certificate: Certificate
  private let key: Certificate.PrivateKey
  private let random: any RandomSource

  /// The authority whose files are in `directory`.
  public static func open(
    in directory: URL, random: any RandomSource = SystemRandom()
  ) throws(TransportError) -> DevelopmentAuthority {
    let certificatePath = directory.appending(path: certificateName).path
    let keyPath = directory.appending(path: keyName).path
    let certificate: Certificate
    let key: Certificate.PrivateKey
    do {
      certificate = try Certificate(pemEncoded: try read(certificatePath))
    } catch {
      throw .badCredentials(path: certificatePath, reason: "it holds no readable certificate")
    }
    do {
      key = try Certificate.PrivateKey(pemEncoded: try read(keyPath))
    } catch {
      throw .badCredentials(path: keyPath, reason: "it holds no readable private key")
    }
    guard certificate.publicKey == key.publicKey else {
      throw .badCredentials(path: keyPath, reason: "the key does not belong to \(certificatePath)")
    }
    return DevelopmentAuthority(
      directory: directory, certificate: certificate, key: key, random: random)
  }

  /// A new authority in `directory`, which is made when it is not there.
  public static func create(
    in directory: URL, validityDays: Int = validityDaysDefault, from time: Timestamp? = nil,
    replacing: Bool = false, random: any RandomSource = SystemRandom()
  ) throws(TransportError) -> DevelopmentAuthority {
    do {
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    } catch {
      throw .cannotWrite(path: directory.path, reason: "the directory cannot be made")
    }
    let certificatePath = directory.appending(path: certificateName).path
    let keyPath = directory.appending(path: keyName).path
    if !replacing { try refuseExisting([certificatePath, keyPath]) }
    let privateKey = P256.Signing.PrivateKey()
    let key = Certificate.PrivateKey(privateKey)
    let certificate: Certificate
    do {
      let name = try DistinguishedName {
        OrganizationName("Tacit")
        CommonName("Tacit development authority \(Hexadecimal.encode(random.bytes(count: 4)))")
      }
      certificate = try sign(
        subject: name, publicKey: key.publicKey, issuer: name, issuerKey: key,
        validityDays: validityDays, from: time, random: random,
        extensions: Certificate.Extensions {
          Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
          Critical(KeyUsage(keyCertSign: true, cRLSign: true))
          SubjectKeyIdentifier(hash: key.publicKey)
        })
    } catch {
      throw .cannotWrite(path: certificatePath, reason: "the certificate cannot be made")
    }
    try write(privateKey.pemRepresentation, to: keyPath, permissions: 0o600)
    try write(certificate, to: certificatePath)
    return DevelopmentAuthority(
      directory: directory, certificate: certificate, key: key, random: random)
  }

  /// Makes `<name>.pem` and `<name>-key.pem` for `identity` in the authority's directory, where
  /// the name is `consent` for a service and `legal-anna` for a user.
  ///
  /// - Parameters:
  ///   - time: the first instant of validity; by default a minute ago, for clocks that disagree.
  ///   - replacing: whether files that are there already are replaced.
  public func issue(
    _ identity: PeerIdentity, validityDays: Int = validityDaysDefault, from time: Timestamp? = nil,
    replacing: Bool = false
  ) throws(TransportError) -> TLSMaterial {
    guard identity.kind != .local else { throw .badIdentity(text: identity.spiffeID) }
    let name = identity.kind == .user ? "\(identity.role)-\(identity.name)" : identity.name
    let material = TLSMaterial(
      certificatePath: directory.appending(path: "\(name).pem").path,
      keyPath: directory.appending(path: "\(name)-key.pem").path,
      authorityPath: directory.appending(path: Self.certificateName).path)
    if !replacing { try Self.refuseExisting([material.certificatePath, material.keyPath]) }
    let privateKey = P256.Signing.PrivateKey()
    let leaf: Certificate
    do {
      let publicKey = Certificate.PublicKey(privateKey.publicKey)
      leaf = try Self.sign(
        subject: DistinguishedName {
          OrganizationName("Tacit")
          CommonName(name)
        },
        publicKey: publicKey, issuer: certificate.subject, issuerKey: key,
        validityDays: validityDays, from: time, random: random,
        extensions: Certificate.Extensions {
          Critical(BasicConstraints.notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: true))
          try ExtendedKeyUsage(
            identity.kind == .service ? [.serverAuth, .clientAuth] : [.clientAuth])
          SubjectAlternativeNames([.uniformResourceIdentifier(identity.spiffeID)])
          SubjectKeyIdentifier(hash: publicKey)
        })
    } catch {
      throw .cannotWrite(path: material.certificatePath, reason: "the certificate cannot be made")
    }
    try Self.write(privateKey.pemRepresentation, to: material.keyPath, permissions: 0o600)
    try Self.write(leaf, to: material.certificatePath)
    return material
  }

  private static let certificateName = "ca.pem"
  private static let keyName = "ca-key.pem"

  private static func sign(
    subject: DistinguishedName, publicKey: Certificate.PublicKey, issuer: DistinguishedName,
    issuerKey: Certificate.PrivateKey, validityDays: Int, from time: Timestamp?,
    random: any RandomSource, extensions: Certificate.Extensions
  ) throws -> Certificate {
    let from = time ?? SystemTime().now.advanced(byMicroseconds: -60_000_000)
    let start = Date(timeIntervalSince1970: Double(from.microseconds / 1_000_000))
    // 16 random bytes with the top bit clear: positive, as RFC 5280 section 4.1.2.2 wants it.
    var serial = random.bytes(count: 16)
    serial[0] = serial[0] & 0x7F | 0x40
    return try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(bytes: serial), publicKey: publicKey,
      notValidBefore: start, notValidAfter: start.addingTimeInterval(Double(validityDays) * 86_400),
      issuer: issuer, subject: subject, signatureAlgorithm: .ecdsaWithSHA256,
      extensions: extensions, issuerPrivateKey: issuerKey)
  }
}

// MARK: - Files

extension DevelopmentAuthority {
  private static func read(_ path: String) throws -> String {
    try String(contentsOf: URL(filePath: path), encoding: .utf8)
  }

  private static func refuseExisting(_ paths: [String]) throws(TransportError) {
    for path in paths where FileManager.default.fileExists(atPath: path) {
      throw .wouldOverwrite(path: path)
    }
  }

  private static func write(_ certificate: Certificate, to path: String) throws(TransportError) {
    guard let document = try? certificate.serializeAsPEM() else {
      throw .cannotWrite(path: path, reason: "the certificate cannot be encoded")
    }
    try write(document.pemString, to: path, permissions: 0o644)
  }

  private static func write(
    _ pem: String, to path: String, permissions: mode_t
  ) throws(TransportError) {
    do {
      try PrivateFile.replace(path: path, with: Array((pem + "\n").utf8), permissions: permissions)
    } catch {
      throw .cannotWrite(path: path, reason: String(cString: strerror(error.code)))
    }
  }
}
