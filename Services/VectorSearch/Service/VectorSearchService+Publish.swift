internal import AuditLog
internal import PrivacyCore
package import RPC
internal import SealedStore
internal import StoredMessages
internal import Synchronization
internal import TrainerAPI
internal import Transport
internal import VectorIndex
package import VectorsAPI

extension VectorSearchService {
  /// The new items are written beside the ones that are served, and take over in one transaction:
  /// whatever happens in between, one model or the other is served whole.
  package func publish(
    _ request: PublishRequest, context: CallContext
  ) async throws -> PublishReply {
    guard NameRule.accepts(request.collection) else {
      throw VectorSearchError.badName("collection")
    }
    guard publishing.withLock({ $0.insert(request.collection).inserted }) else {
      throw VectorSearchError.changedMeanwhile(request.collection)
    }
    defer { publishing.withLock { _ = $0.remove(request.collection) } }

    let options = CallOptions(for: context)
    let model = try await parts.trainer.showModel(
      ShowModelRequest(model: request.model), options: options)
    if let known = try? library.collection(request.collection), let shelf = known.shelf,
      known.record.model?.modelID == model.modelID
    {
      return PublishReply(modelID: model.modelID, itemCount: UInt32(shelf.count))
    }
    let before = try await collection(request.collection, for: model, context: context)
    let record = CollectionRecord(
      collection: before.collection, generation: before.generation + 1,
      model: PublishedModel(
        modelID: model.modelID, name: model.name, epsilon: model.epsilon, delta: model.delta,
        publishedAtUs: parts.time.now.microseconds, principal: context.peer.spiffeID,
        receiptsRoot: model.receiptsRoot))
    // Of an earlier attempt that was cut off.
    try await library.removeUnserved(of: record.name)
    let shelf = try await fetch(model, as: record, options: options)
    try await takeOver(record, from: before, model: model, itemCount: shelf.count, context: context)
    try library.collection(record.name).serve(shelf, as: record)
    try await library.removeUnserved(of: record.name)
    return PublishReply(modelID: model.modelID, itemCount: UInt32(shelf.count))
  }

  /// The collection that the model goes to, made where it isn't there.
  private func collection(
    _ name: String, for model: Model, context: CallContext
  ) async throws -> CollectionRecord {
    if (try? library.collection(name)) == nil {
      _ = try await createCollection(
        CreateCollectionRequest(
          name: name, dimension: model.dimension, metric: .innerProduct, subject: .item),
        context: context)
    }
    let known = try library.collection(name)
    let record = known.record
    guard record.collection?.subject == .item else {
      throw VectorSearchError.notForThis("collection \(name) holds people, a model's are items")
    }
    guard record.dimension == Int(model.dimension) else {
      throw VectorSearchError.notForThis(
        "collection \(name) has dimension \(record.dimension), the model \(model.dimension)")
    }
    guard record.collection?.metric == .innerProduct else {
      throw VectorSearchError.notForThis("a model's items need a collection by inner product")
    }
    guard record.model != nil || known.vectorCount == 0 else {
      throw VectorSearchError.notForThis(
        "collection \(name) holds vectors that were written one by one; publish to another")
    }
    return record
  }

  /// Writes the model's items as the next generation of the collection, chunk by chunk.
  private func fetch(
    _ model: Model, as record: CollectionRecord, options: CallOptions
  ) async throws -> ItemShelf {
    let shelf = ItemShelf.Builder(dimension: record.dimension, metric: .innerProduct)
    let chunks = try await parts.trainer.fetchModel(
      ShowModelRequest(model: model.modelID), options: options)
    for try await chunk in chunks {
      var rows: [(ItemKey, StoredVector)] = []
      for item in chunk.items {
        let stored = StoredVector(
          values: item.vector, popularity: item.popularity,
          writtenAtUs: parts.time.now.microseconds)
        try shelf.add(Array(item.item.utf8), stored)
        rows.append((ItemKey(record.name, record.generation, Array(item.item.utf8)), stored))
      }
      guard shelf.count <= configuration.vectorCountMax else {
        throw VectorSearchError.tooManyVectors(limit: configuration.vectorCountMax)
      }
      let written = rows
      try await store.write { transaction in
        for (key, stored) in written {
          try transaction.put(VectorTables.items, key, StoredMessage(stored))
        }
      }
    }
    guard shelf.count == Int(model.itemCount), shelf.count > 0 else {
      throw VectorSearchError.badModel(
        "it has \(model.itemCount) items, and \(shelf.count) came")
    }
    return shelf.finish(modelID: model.modelID)
  }

  private func takeOver(
    _ record: CollectionRecord, from before: CollectionRecord, model: Model, itemCount: Int,
    context: CallContext
  ) async throws {
    try await store.write { [audit] transaction in
      let known = try transaction.get(VectorTables.collections, record.name)?.message
      let isUnwritten =
        try before.model != nil
        || transaction.keys(
          VectorTables.items, .prefix(KeyPair(record.name, before.generation)), limit: 1
        ).isEmpty
      guard known == before, isUnwritten else {
        throw VectorSearchError.changedMeanwhile(record.name)
      }
      try transaction.put(VectorTables.collections, record.name, StoredMessage(record))
      try audit.append(
        AuditEntry(
          principal: context.peer.spiffeID, action: "vectors.publish", purpose: model.purpose,
          details: [
            ("collection", record.name), ("model", model.modelID), ("items", "\(itemCount)"),
            ("epsilon", "\(model.epsilon)"), ("delta", "\(model.delta)"),
            ("receipts_root", Hexadecimal.encode(model.receiptsRoot)),
          ]), in: &transaction)
    }
  }
}
