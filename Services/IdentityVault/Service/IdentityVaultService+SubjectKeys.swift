package import RPC
internal import Transport
package import VaultAPI

extension IdentityVaultService {
  /// A service gets keys for its own name only: what one service sealed no other one can open,
  /// even with the vault's help.
  package func subjectKeys(
    _ request: SubjectKeysRequest, context: CallContext
  ) async throws -> SubjectKeysReply {
    let caller: String
    switch context.peer.kind {
    case .service: caller = context.peer.spiffeID
    case .local: caller = "local"
    case .user: throw VaultRefusal.notAService
    }
    guard request.pids.count <= configuration.identifiersPerBatchMax else {
      throw VaultRefusal.tooManyPeople(limit: configuration.identifiersPerBatchMax)
    }
    let people = try request.pids.map { bytes throws(VaultRefusal) in try pid(bytes) }
    return SubjectKeysReply(keys: try registry.subjectKeys(people, of: caller))
  }
}
