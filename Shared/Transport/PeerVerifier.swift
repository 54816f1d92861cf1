internal import Foundation
internal import NIOSSL
internal import PrivacyCore
internal import SwiftASN1
// The clock is a parameter here, which the library offers under this name only.
@_spi(FixedExpiryValidationTime) internal import X509

/// Decides whether a certificate chain is trusted, and whose it is.
///
/// The chain must lead to one of the authorities (RFC 5280), be valid now, allow the use it is put
/// to, and its leaf must carry exactly one URI, a SPIFFE id of ours. Host names play no part.
struct PeerVerifier: Sendable {
  /// What the peer must be.
  enum Requirement: Sendable {
    /// Any trusted client.
    case client
    /// Any trusted service.
    case anyService
    /// This service.
    case service(String)
  }

  /// Why a peer was refused, for the log and for the error of a client.
  struct Refusal: Error {
    let reason: String
  }

  private let authorities: CertificateStore
  private let requirement: Requirement
  private let time: any TimeSource

  init(authorities: [Certificate], requirement: Requirement, time: any TimeSource) {
    self.authorities = CertificateStore(authorities)
    self.requirement = requirement
    self.time = time
  }

  /// The identity of the peer that showed `chain`, its leaf first.
  func verify(_ chain: [NIOSSLCertificate]) async throws(Refusal) -> PeerIdentity {
    let certificates = try Self.parse(chain)
    guard let leaf = certificates.first else { throw Refusal(reason: "it showed no certificate") }
    let now = time.now
    try Self.checkValidity(of: leaf, at: now)
    let date = Date(timeIntervalSince1970: Double(now.microseconds) / 1_000_000)
    var verifier = Verifier(rootCertificates: authorities) {
      RFC5280Policy(fixedExpiryValidationTime: date)
    }
    let result = await verifier.validate(
      leaf: leaf, intermediates: CertificateStore(certificates.dropFirst()))
    guard case .validCertificate = result else {
      throw Refusal(reason: "its certificate was not signed by a trusted authority")
    }
    let identity = try Self.identity(of: leaf)
    try check(leaf, of: identity)
    return identity
  }

  private func check(_ leaf: Certificate, of identity: PeerIdentity) throws(Refusal) {
    let usage: ExtendedKeyUsage.Usage
    switch requirement {
    case .client: usage = .clientAuth
    case .anyService, .service: usage = .serverAuth
    }
    if let usages = try? leaf.extensions.extendedKeyUsage, !usages.contains(usage) {
      throw Refusal(reason: "its certificate is not for this use")
    }
    switch requirement {
    case .client: return
    case .anyService:
      guard identity.kind == .service else {
        throw Refusal(reason: "\(identity) is not a service")
      }
    case .service(let name):
      guard identity.kind == .service, identity.name == name else {
        throw Refusal(reason: "it is \(identity), and the service \(name) was expected")
      }
    }
  }

  private static func parse(_ chain: [NIOSSLCertificate]) throws(Refusal) -> [Certificate] {
    do {
      return try chain.map { try Certificate(derEncoded: $0.toDERBytes()) }
    } catch {
      throw Refusal(reason: "its certificate cannot be read")
    }
  }

  // The library reports expiry as one of many policy failures; people need it by name.
  private static func checkValidity(of leaf: Certificate, at now: Timestamp) throws(Refusal) {
    let from = Timestamp(seconds: Int64(leaf.notValidBefore.timeIntervalSince1970))
    let to = Timestamp(seconds: Int64(leaf.notValidAfter.timeIntervalSince1970))
    if now < from { throw Refusal(reason: "its certificate is not valid before \(from)") }
    if now > to { throw Refusal(reason: "its certificate expired at \(to)") }
  }

  private static func identity(of leaf: Certificate) throws(Refusal) -> PeerIdentity {
    var uris: [String] = []
    if let names = try? leaf.extensions.subjectAlternativeNames {
      for case .uniformResourceIdentifier(let uri) in names { uris.append(uri) }
    }
    guard uris.count == 1, let identity = try? PeerIdentity(spiffeID: uris[0]) else {
      throw Refusal(reason: "its certificate carries no SPIFFE id of this system")
    }
    return identity
  }
}
