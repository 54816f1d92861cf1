package import RPC
package import VaultAPI

extension IdentityVaultService {
  package func show(_ request: ShowRequest, context: CallContext) async throws -> ShowReply {
    let person = try pid(request.pid)
    guard let description = try registry.description(of: person) else {
      throw VaultRefusal.unknownPerson
    }
    return description
  }
}
