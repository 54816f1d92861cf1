internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import Synchronization
internal import VectorIndex
internal import VectorsAPI

/// The collections there are: in the store, and in memory as they are served.
final class VectorLibrary: Sendable {
  let store: SealedStore
  private let live = Mutex<[String: LiveCollection]>([:])

  /// Opens what is in the store; vectors of people wait for their keys.
  init(store: SealedStore) throws {
    self.store = store
    let collections = try store.read { snapshot in
      try snapshot.rows(VectorTables.collections).map { name, value in
        try Self.collection(value.message, in: snapshot)
      }
    }
    live.withLock { live in
      for collection in collections { live[collection.name] = collection }
    }
  }

  /// By name.
  var collections: [LiveCollection] {
    live.withLock { $0.values.sorted { $0.name < $1.name } }
  }

  func collection(_ name: String) throws(VectorSearchError) -> LiveCollection {
    guard let collection = live.withLock({ $0[name] }) else { throw .unknownCollection(name) }
    return collection
  }

  /// Makes a collection known that the store holds.
  func add(_ record: CollectionRecord) throws {
    let collection = LiveCollection(record, index: try Self.index(of: record))
    live.withLock { live in
      if live[record.name] == nil { live[record.name] = collection }
    }
  }

  /// Removes items that no collection serves: of a publication that was cut off, or of the model
  /// that was served before.
  ///
  /// - Parameter name: only those of this collection.
  func removeUnserved(of name: String? = nil) async throws {
    var generations: [String: UInt32] = [:]
    for collection in collections { generations[collection.name] = collection.record.generation }
    let unserved = try store.read { snapshot in
      try snapshot.keys(VectorTables.items, name.map { .prefix($0) } ?? .all)
        .filter { generations[$0.first] != $0.second }
    }
    // In steps, so that no other write waits long.
    for start in stride(from: 0, to: unserved.count, by: Self.stepCount) {
      let step = unserved[start..<min(start + Self.stepCount, unserved.count)]
      try await store.write { transaction in
        for key in step { try transaction.delete(VectorTables.items, key) }
      }
    }
  }

  private static let stepCount = 2_000

  private static func index(of record: CollectionRecord) throws -> any VectorIndex {
    guard let metric = record.collection?.metric.metric, record.dimension > 0 else {
      throw StoreError.corrupted("collection \(record.name) cannot be read")
    }
    return FlatIndex(dimension: record.dimension, metric: metric)
  }

  private static func collection(
    _ record: CollectionRecord, in snapshot: borrowing ReadSnapshot
  ) throws -> LiveCollection {
    let index = try index(of: record)
    let isOfPeople = record.collection?.subject == .person
    let collection = LiveCollection(record, index: index, isOpening: isOfPeople)
    guard !isOfPeople else { return collection }
    let range = KeyRange<ItemKey>.prefix(KeyPair(record.name, record.generation))
    if let model = record.model {
      let shelf = ItemShelf.Builder(dimension: record.dimension, metric: index.metric)
      try snapshot.scan(VectorTables.items, range) { key, value in
        try shelf.add(key.third, value.message)
        return .next
      }
      collection.serve(shelf.finish(modelID: model.modelID), as: record)
    } else {
      try snapshot.scan(VectorTables.items, range) { key, value in
        guard value.message.values.count == index.dimension else {
          throw StoreError.corrupted("a vector of collection \(record.name) has another dimension")
        }
        index.upsert(key.third, value.message.values, at: snapshot.sequence.value)
        return .next
      }
    }
    return collection
  }
}
