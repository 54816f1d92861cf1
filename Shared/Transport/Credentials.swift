internal import Foundation
internal import NIOSSL
internal import PrivacyCore
internal import SwiftASN1
internal import X509

/// The contents of a peer's PEM files, checked when they are read so that a mistake is named
/// before the first connection.
struct Credentials {
  let chain: [NIOSSLCertificate]
  let key: NIOSSLPrivateKey
  let authorities: [Certificate]
  let authorityCertificates: [NIOSSLCertificate]

  init(_ material: TLSMaterial, time: any TimeSource) throws(TransportError) {
    chain = try Self.certificates(at: material.certificatePath)
    authorityCertificates = try Self.certificates(at: material.authorityPath)
    authorities = try Self.parse(authorityCertificates, path: material.authorityPath)
    let own = try Self.parse(chain, path: material.certificatePath)
    if let leaf = own.first {
      try Self.checkValidity(of: leaf, path: material.certificatePath, at: time.now)
    }
    let pem = try Self.read(material.keyPath)
    do {
      key = try NIOSSLPrivateKey(bytes: pem, format: .pem)
    } catch {
      throw .badCredentials(path: material.keyPath, reason: "it holds no private key in PEM form")
    }
  }

  private static func certificates(at path: String) throws(TransportError) -> [NIOSSLCertificate] {
    let pem = try read(path)
    guard let found = try? NIOSSLCertificate.fromPEMBytes(pem), !found.isEmpty else {
      throw .badCredentials(path: path, reason: "it holds no certificate in PEM form")
    }
    return found
  }

  private static func parse(
    _ certificates: [NIOSSLCertificate], path: String
  ) throws(TransportError) -> [Certificate] {
    do {
      return try certificates.map { try Certificate(derEncoded: $0.toDERBytes()) }
    } catch {
      throw .badCredentials(path: path, reason: "a certificate in it cannot be read")
    }
  }

  private static func checkValidity(
    of leaf: Certificate, path: String, at now: Timestamp
  ) throws(TransportError) {
    let from = Timestamp(seconds: Int64(leaf.notValidBefore.timeIntervalSince1970))
    let to = Timestamp(seconds: Int64(leaf.notValidAfter.timeIntervalSince1970))
    if now < from {
      throw .badCredentials(path: path, reason: "the certificate is not valid before \(from)")
    }
    if now > to {
      throw .badCredentials(path: path, reason: "the certificate expired at \(to)")
    }
  }

  private static func read(_ path: String) throws(TransportError) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw .badCredentials(path: path, reason: "the file is missing or may not be read")
    }
    return [UInt8](data)
  }
}
