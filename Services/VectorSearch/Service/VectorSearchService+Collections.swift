internal import AuditLog
internal import PrivacyCore
package import RPC
internal import SealedStore
internal import StoredMessages
internal import Transport
package import VectorsAPI

extension VectorSearchService {
  package func createCollection(
    _ request: CreateCollectionRequest, context: CallContext
  ) async throws -> Collection {
    let wanted = try CollectionRules.collection(request)
    let limit = configuration.collectionCountMax
    let record = CollectionRecord(collection: wanted, generation: 1)
    try await store.write { [audit] transaction in
      if let known = try transaction.get(VectorTables.collections, wanted.name) {
        guard known.message.collection == wanted else {
          throw VectorSearchError.otherCollection(wanted.name)
        }
        return
      }
      guard try transaction.count(VectorTables.collections) < limit else {
        throw VectorSearchError.tooManyCollections(limit: limit)
      }
      try transaction.put(VectorTables.collections, wanted.name, StoredMessage(record))
      try audit.append(
        AuditEntry(
          principal: context.peer.spiffeID, action: "vectors.create_collection",
          details: [
            ("collection", wanted.name), ("dimension", "\(wanted.dimension)"),
            ("subject", wanted.subject == .person ? "person" : "item"), ("scope", wanted.scope),
          ]), in: &transaction)
    }
    try library.add(record)
    return try library.collection(wanted.name).description
  }

  package func listCollections(
    _ request: ListCollectionsRequest, context: CallContext
  ) async throws -> ListCollectionsReply {
    ListCollectionsReply(collections: library.collections.map(\.description))
  }
}
