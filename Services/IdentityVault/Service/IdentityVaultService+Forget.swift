package import RPC
internal import Transport
package import VaultAPI

extension IdentityVaultService {
  package func forget(_ request: ForgetRequest, context: CallContext) async throws -> ForgetReply {
    let person = try pid(request.pid)
    let tombstone = try await registry.forget(
      person, erasureSequence: request.erasureSequence, by: context.peer.spiffeID)
    return ForgetReply(
      identifiersRemoved: tombstone.identifiersRemoved, keyDestroyed: tombstone.keyDestroyed)
  }
}
