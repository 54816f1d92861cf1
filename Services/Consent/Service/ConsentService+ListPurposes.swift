package import ConsentAPI
package import RPC

extension ConsentService {
  package func listPurposes(
    _ request: ListPurposesRequest, context: CallContext
  ) async throws -> ListPurposesReply {
    let catalog = register.current.catalog
    guard request.id.isEmpty else {
      guard catalog.knownScopes.contains(request.id) else { throw ReceiptRefusal.unknownPurpose }
      return ListPurposesReply(purposes: catalog.purposes[request.id] ?? [Purpose(id: request.id)])
    }
    return ListPurposesReply(
      purposes: catalog.knownScopes.sorted().map { catalog.purpose($0) ?? Purpose(id: $0) })
  }
}
