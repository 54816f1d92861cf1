package import RPC
internal import Transport
package import VaultAPI

extension ReidentificationService {
  package func redeem(
    _ request: RedeemWarrantRequest, context: CallContext
  ) async throws -> RedeemWarrantReply {
    let person = try person(context)
    let warrant = try await book.use(warrantOf: request.id, token: request.token, by: person)
    return RedeemWarrantReply(people: try book.reveal(warrant, keys: keys))
  }
}
