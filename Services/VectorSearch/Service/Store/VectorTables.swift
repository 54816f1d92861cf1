internal import PrivacyCore
package import SealedStore
internal import StoredMessages
internal import VectorsAPI

/// The tables of vector search. What is kept of a person stands under the pid first, so that one
/// prefix scan finds all of it, and is sealed under that person's key.
package enum VectorTables {
  /// The collections, by name.
  static let collections = StoreTable<String, StoredMessage<CollectionRecord>>(
    "collections", id: 1)

  /// Vectors of items: by collection, generation and item.
  static let items = StoreTable<ItemKey, StoredMessage<StoredVector>>("items", id: 2)

  /// Vectors of people: by person and collection.
  static let people = StoreTable<PersonKey, StoredMessage<StoredVector>>("people", id: 3)

  /// Everybody who was erased, with the position of the erasure in the consent log. Stays for
  /// ever: a late write must not bring the person back.
  static let tombstones = StoreTable<PseudonymousID, UInt64>("tombstones", id: 4)

  /// How far in the consent log purging has come, in each epoch of it.
  static let positions = StoreTable<String, UInt64>("positions", id: 5)

  /// All of them.
  package static let all: [any StoreTableDescribing] = [
    collections, items, people, tombstones, positions,
  ]
}

typealias ItemKey = KeyTriple<String, UInt32, [UInt8]>
typealias PersonKey = KeyPair<PseudonymousID, String>
