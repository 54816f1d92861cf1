internal import PrivacyCore
package import RPC
internal import Transport
package import VaultAPI

extension IdentityVaultService {
  package func link(_ request: LinkRequest, context: CallContext) async throws -> LinkReply {
    let domain = try domain(request.domain)
    let provenance = try rules.checkedProvenance(request.provenance)
    if request.confirm { try rules.checkConfirmation(by: context.peer) }
    guard let primary = request.primary else { throw VaultRefusal.primaryMissing }
    guard let alias = request.alias else { throw VaultRefusal.aliasMissing }
    let primaryIdentifier = try canonical(
      primary, in: domain, refusal: VaultRefusal.primaryRefused)
    let person = Newcomer(
      pid: try domain.pid(of: primaryIdentifier), identifier: primaryIdentifier)
    let aliasIdentifier = try canonical(alias, in: domain, refusal: VaultRefusal.aliasRefused)
    let newcomer = Newcomer(
      pid: try domain.pid(of: aliasIdentifier), identifier: aliasIdentifier)
    // Whether somebody is known shows here too.
    try callers.admit(2, looksUp: true, of: context.peer)
    try await callers.charge([person.pid, newcomer.pid], to: context.peer)
    do {
      let link = try await registry.link(
        newcomer, to: person, provenance: provenance, isConfirmed: request.confirm,
        by: context.peer.spiffeID)
      try await callers.note(lookups: 1, misses: 0, of: context.peer)
      return LinkReply(pid: link.person.bytes, created: link.isNew)
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
