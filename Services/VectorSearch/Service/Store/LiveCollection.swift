internal import PrivacyCore
internal import Synchronization
internal import VectorIndex
internal import VectorsAPI

/// A collection as it is served: its record and its vectors in memory.
final class LiveCollection: Sendable {
  private struct State {
    var record: CollectionRecord
    /// The items of the model it holds, where it holds one.
    var shelf: ItemShelf?
    /// Ids removed while the vectors are being opened: what was read before must not come back.
    /// `nil` when all are open.
    var removedWhileOpening: Set<[UInt8]>?
  }

  let name: String
  let index: any VectorIndex
  private let state: Mutex<State>

  /// A collection without vectors; with `isOpening` they are on their way.
  init(_ record: CollectionRecord, index: any VectorIndex, isOpening: Bool = false) {
    name = record.name
    self.index = index
    state = Mutex(
      State(record: record, shelf: nil, removedWhileOpening: isOpening ? [] : nil))
  }

  var record: CollectionRecord { state.withLock { $0.record } }
  var shelf: ItemShelf? { state.withLock { $0.shelf } }
  var isOpening: Bool { state.withLock { $0.removedWhileOpening != nil } }
  var isOfPeople: Bool { record.collection?.subject == .person }

  /// How many vectors it holds.
  var vectorCount: Int { shelf?.count ?? index.count }

  /// The collection for people, with its count.
  var description: Collection {
    var collection = record.collection ?? Collection(name: name)
    collection.vectorCount = UInt64(vectorCount)
    return collection
  }

  /// The index that searches look at.
  var searched: any VectorIndex { shelf?.index ?? index }

  /// Serves the items of a model from now on.
  func serve(_ shelf: ItemShelf, as record: CollectionRecord) {
    state.withLock { state in
      // Two calls may come back in another order than they were committed in.
      guard record.generation >= state.record.generation else { return }
      state.record = record
      state.shelf = shelf
    }
  }

  /// Takes a vector in that a call wrote, under the id that `storedID` says it has now; not where it
  /// says that there is none: a purge that was committed after the write has taken it out of the store
  /// before it comes here.
  func upsert(
    _ vector: [Float], at sequence: LogSequenceNumber, storedID: () throws -> [UInt8]?
  ) rethrows {
    try state.withLock { state in
      guard let id = try storedID() else { return }
      state.removedWhileOpening?.remove(id)
      index.upsert(id, vector, at: sequence.value)
    }
  }

  /// A vector stands under another id in the store; where `isStored` says that it is not there any
  /// more, it goes from here too.
  func rename(_ id: [UInt8], to newID: [UInt8], isStored: () -> Bool) {
    state.withLock { _ in
      if isStored() { index.rename(id, to: newID) } else { index.remove(id) }
    }
  }

  /// Takes a vector in that was read from the store while it is being opened.
  func open(_ id: [UInt8], _ vector: [Float], at sequence: LogSequenceNumber) {
    state.withLock { state in
      guard state.removedWhileOpening?.contains(id) != true else { return }
      index.upsert(id, vector, at: sequence.value)
    }
  }

  /// All vectors are in.
  func finishOpening() { state.withLock { $0.removedWhileOpening = nil } }

  /// Takes vectors out that are no longer in the store.
  func remove(_ ids: [[UInt8]]) {
    state.withLock { state in
      if let shelf = state.shelf { state.shelf = shelf.without(Set(ids)) }
      state.removedWhileOpening?.formUnion(ids)
      for id in ids { index.remove(id) }
    }
  }
}

extension CollectionRecord {
  var name: String { collection?.name ?? "" }
  /// For people: the scope that each must have allowed to be found.
  var scope: Scope? { collection.flatMap { Scope($0.scope) } }
  var dimension: Int { Int(collection?.dimension ?? 0) }
}
