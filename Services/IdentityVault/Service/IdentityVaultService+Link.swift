internal import PrivacyCore
package import RPC
internal import Transport
package import VaultAPI

extension IdentityVaultService {
  package func link(_ request: LinkRequest, context: CallContext) async throws -> LinkReply {
    let provenance = try rules.checkedProvenance(request.provenance)
    if request.confirm { try rules.checkConfirmation(by: context.peer) }
    return try await rotation.withPresentKeys {
      try await link(
        request, keys(of: request.domain), provenance: provenance, context: context)
    }
  }

  private func link(
    _ request: LinkRequest, _ keys: PidKeyring.Keys, provenance: String, context: CallContext
  ) async throws -> LinkReply {
    let domain = keys.current
    guard let primary = request.primary else { throw VaultRefusal.primaryMissing }
    guard let alias = request.alias else { throw VaultRefusal.aliasMissing }
    let primaryIdentifier = try canonical(
      primary, in: domain, refusal: VaultRefusal.primaryRefused)
    let person = try Newcomer(
      pid: domain.pid(of: primaryIdentifier), identifier: primaryIdentifier, keys: keys)
    let aliasIdentifier = try canonical(alias, in: domain, refusal: VaultRefusal.aliasRefused)
    let newcomer = try Newcomer(
      pid: domain.pid(of: aliasIdentifier), identifier: aliasIdentifier, keys: keys)
    // Whether somebody is known shows here too.
    try callers.admit(2, looksUp: true, of: context.peer)
    try await callers.charge([person.pid, newcomer.pid], to: context.peer)
    do {
      let link = try await registry.link(
        newcomer, to: person, keys: keys, provenance: provenance, isConfirmed: request.confirm,
        by: context.peer.spiffeID)
      try await callers.note(lookups: 1, misses: 0, of: context.peer)
      let given = try registry.given(link.person, in: keys)
      return LinkReply(pid: given.bytes, created: link.isNew)
    } catch let failure as PersonRegistry.LinkFailure {
      try await callers.note(
        lookups: 1, misses: failure == .primaryUnknown ? 1 : 0, of: context.peer)
      throw refusal(of: failure)
    }
  }

  private func canonical(
    _ identifier: Identifier, in domain: PseudonymDomain,
    refusal: (IdentifierRefusal) -> VaultRefusal
  ) throws(VaultRefusal) -> CanonicalIdentifier {
    do throws(IdentifierRefusal) {
      return try CanonicalIdentifier(identifier, emailProfile: domain.emailProfile)
    } catch {
      throw refusal(error)
    }
  }

  private func refusal(of failure: PersonRegistry.LinkFailure) -> VaultRefusal {
    switch failure {
    case .primaryUnknown: .primaryUnknown
    case .forgotten: .forgotten
    case .mergeNeeded: .mergeNeeded
    case .tooManyIdentifiers: .tooManyLinks(limit: configuration.identifiersPerPersonMax)
    case .shared: .sharedIdentifier
    }
  }
}
