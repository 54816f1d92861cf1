package import RPC
package import VaultAPI

extension ReidentificationService {
  private static let caseCountMax = 100

  package func list(
    _ request: ListReidentificationsRequest, context: CallContext
  ) async throws -> ListReidentificationsReply {
    guard (0...Self.caseCountMax).contains(Int(request.limit)) else {
      throw ReidentificationRefusal.limit
    }
    let limit = request.limit == 0 ? Self.caseCountMax : Int(request.limit)
    return try book.list(
      id: request.id, pendingOnly: request.pendingOnly, before: request.before, limit: limit)
  }
}
