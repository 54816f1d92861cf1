internal import Cryptography
package import RPC
internal import Transport
package import VaultAPI

extension IdentityVaultService {
  /// The role of peers that belong to another organisation.
  package static let partnerRole = "partner"

  package func obliviousKey(
    _ request: ObliviousKeyRequest, context: CallContext
  ) async throws -> ObliviousKeyReply {
    let domain = try obliviousDomain(request.domain, of: context.peer)
    let (key, profile) = try obliviousKey(of: request.kind, in: domain)
    return ObliviousKeyReply(
      publicKey: key.publicKey.bytes, keyVersion: domain.keyVersion, profile: profile.rawValue,
      domain: domain.name)
  }

  /// The oblivious domain that a request names; the caller's own where it names none.
  ///
  /// A partner's domain has the partner's name: with the pids of somebody else's it could tell
  /// whom the two have in common.
  func obliviousDomain(
    _ name: String, of peer: PeerIdentity
  ) throws(ObliviousRefusal) -> PseudonymDomain {
    let name = name.isEmpty ? peer.name : name
    if peer.kind == .user, peer.role == Self.partnerRole, name != peer.name {
      throw .foreignDomain
    }
    guard let domain = keyring[name]?.current, domain.isOblivious else { throw .notOblivious }
    return domain
  }

  /// The key for one kind of identifiers, and the profile that it belongs to.
  func obliviousKey(
    of kind: IdentifierKind, in domain: PseudonymDomain
  ) throws(ObliviousRefusal) -> (key: ObliviousKey, profile: CanonicalProfile) {
    let profile: CanonicalProfile
    switch kind {
    case .email: profile = domain.emailProfile
    case .phone: profile = .phoneE164V1
    case .customerNumber: profile = .customerNumberV1
    case .unspecified, .unrecognized: throw .kindMissing
    }
    guard let key = domain.obliviousKey(of: profile) else { throw .notOblivious }
    return (key, profile)
  }
}
