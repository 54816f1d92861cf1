internal import PrivacyCore
package import RPC
internal import Transport
package import VaultAPI

/// What joins and parts people, beyond linking an identifier that nobody had.
package struct LinkingService: LinkingServing {
  let registry: PersonRegistry
  let rules: LinkRules
  let rotation: PidRotation
  let keys: @Sendable (String) throws(VaultRefusal) -> PidKeyring.Keys

  package func merge(_ request: MergeRequest, context: CallContext) async throws -> MergeReply {
    let survivor = try pid(request.survivor)
    let merged = try pid(request.merged)
    let provenance = try rules.checkedProvenance(request.provenance)
    if request.confirm { try rules.checkConfirmation(by: context.peer) }
    guard request.rowsSettled else { throw VaultRefusal.rowsNotSettled }
    let result = try await rotation.withPresentKeys {
      try await registry.merge(
        merged, into: survivor, provenance: provenance, isConfirmed: request.confirm,
        by: context.peer.spiffeID)
    }
    return MergeReply(
      pid: try rotation.given(result.person).bytes, identifiersMoved: UInt32(result.movedCount))
  }

  package func split(_ request: SplitRequest, context: CallContext) async throws -> SplitReply {
    let person = try pid(request.pid)
    let provenance = try rules.checkedProvenance(request.provenance)
    let result = try await rotation.withPresentKeys {
      try await registry.split(person, provenance: provenance, by: context.peer.spiffeID)
    }
    return SplitReply(
      from: try rotation.given(result.person).bytes, identifiersMoved: UInt32(result.movedCount))
  }

  package func markShared(
    _ request: MarkSharedRequest, context: CallContext
  ) async throws -> MarkSharedReply {
    let keys = try keys(request.domain)
    let domain = keys.current
    let provenance = try rules.checkedProvenance(request.provenance)
    guard let identifier = request.identifier else { throw VaultRefusal.primaryMissing }
    let canonical: CanonicalIdentifier
    do throws(IdentifierRefusal) {
      canonical = try CanonicalIdentifier(identifier, emailProfile: domain.emailProfile)
    } catch {
      throw VaultRefusal.primaryRefused(error)
    }
    let changed = try await registry.mark(
      Newcomer(pid: domain.pid(of: canonical), identifier: canonical, keys: keys),
      asShared: request.shared, provenance: provenance,
      by: context.peer.spiffeID)
    return MarkSharedReply(changed: changed)
  }
}
