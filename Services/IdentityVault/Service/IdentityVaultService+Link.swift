internal import PrivacyCore
package import RPC
internal import Transport
package import VaultAPI

extension IdentityVaultService {
  package func link(_ request: LinkRequest, context: CallContext) async throws -> LinkReply {
    let domain = try domain(request.domain)
    let provenance = try checkedProvenance(request.provenance)
    guard let primary = request.primary else { throw VaultRefusal.primaryMissing }
    guard let alias = request.alias else { throw VaultRefusal.aliasMissing }
    let primaryPID = try domain.pid(
      of: canonical(primary, in: domain, refusal: VaultRefusal.primaryRefused))
    let aliasIdentifier = try canonical(alias, in: domain, refusal: VaultRefusal.aliasRefused)
    let newcomer = Newcomer(
      pid: try domain.pid(of: aliasIdentifier), identifier: aliasIdentifier)
    do {
      let link = try await registry.link(
        newcomer, to: primaryPID, provenance: provenance, by: context.peer.spiffeID)
      return LinkReply(pid: link.person.bytes, created: link.isNew)
    } catch let failure as PersonRegistry.LinkFailure {
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

  /// Provenance is shown outside of the vault: it must not carry what is kept inside.
  private func checkedProvenance(_ text: String) throws(VaultRefusal) -> String {
    guard (1...256).contains(text.utf8.count) else { throw .provenanceLength }
    if let finding = IdentifierGuard.finding(in: text) {
      throw .provenanceLooksLike(finding.rawValue)
    }
    return text
  }

  private func refusal(of failure: PersonRegistry.LinkFailure) -> VaultRefusal {
    switch failure {
    case .primaryUnknown: .primaryUnknown
    case .forgotten: .forgotten
    case .mergeNeeded: .mergeNeeded
    case .tooManyIdentifiers: .tooManyLinks(limit: configuration.identifiersPerPersonMax)
    }
  }
}
