internal import AuditLog
internal import PrivacyCore
package import RPC
internal import Renaming
internal import SealedStore
internal import Transport
package import VectorsAPI

extension VectorSearchService {
  package func delete(_ request: DeleteRequest, context: CallContext) async throws -> DeleteReply {
    let collection = try library.collection(request.collection)
    guard !isBeingPublished(collection.name) else {
      throw VectorSearchError.changedMeanwhile(collection.name)
    }
    let isOfPeople = collection.isOfPeople
    guard !isOfPeople || request.ids.allSatisfy({ $0.count == PseudonymousID.byteCount }) else {
      throw VectorSearchError.badPID
    }
    let name = collection.name
    let generation = collection.record.generation
    let removed = try await store.write { [audit, places] transaction in
      var removed: [[UInt8]] = []
      for id in Set(request.ids) {
        if isOfPeople {
          guard let pid = PseudonymousID(bytes: id) else { continue }
          let place = try places.place(of: pid, in: transaction)
          let key = PersonKey(place, name)
          guard try transaction.contains(VectorTables.people, key) else { continue }
          try transaction.delete(VectorTables.people, key)
          removed.append(place.bytes)
        } else {
          let key = ItemKey(name, generation, id)
          guard try transaction.contains(VectorTables.items, key) else { continue }
          try transaction.delete(VectorTables.items, key)
          removed.append(id)
        }
      }
      if !removed.isEmpty {
        try audit.append(
          AuditEntry(
            principal: context.peer.spiffeID, action: "vectors.delete",
            pids: isOfPeople ? removed.compactMap { PseudonymousID(bytes: $0) } : [],
            details: [("collection", name), ("removed", "\(removed.count)")]), in: &transaction)
      }
      return removed
    }.value
    collection.remove(removed)
    return DeleteReply(removed: UInt32(removed.count))
  }
}
