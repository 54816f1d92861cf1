internal import FeaturesAPI
internal import PrivacyCore
package import SealedStore
internal import StoredMessages

/// The tables of the feature store and their keys. What is kept of a person stands under the pid
/// first, so that one prefix scan finds all of it, and is sealed under that person's key.
package enum FeatureTables {
  /// The views in force, by name.
  static let views = StoreTable<String, StoredMessage<ViewDescription>>("views", id: 1)

  /// Events in chunks: by person, source, time of the first event, and number within the person
  /// and source.
  static let events = StoreTable<EventChunkKey, StoredMessage<StoredEvents>>("events", id: 2)

  /// Written rows: by person, view and the time they speak of.
  static let rows = StoreTable<RowKey, StoredMessage<StoredRow>>("rows", id: 3)

  /// Everybody of whom there are events or rows.
  static let people = StoreTable<PseudonymousID, EmptyValue>("people", id: 4)

  /// Everybody who was erased, with the position of the erasure in the consent log. Stays for
  /// ever: a late write must not bring the person back.
  static let tombstones = StoreTable<PseudonymousID, UInt64>("tombstones", id: 5)

  /// How far in the consent log purging has come, in each epoch of it.
  static let positions = StoreTable<String, UInt64>("positions", id: 6)

  /// All of them.
  package static let all: [any StoreTableDescribing] = [
    views, events, rows, people, tombstones, positions,
  ]
}

typealias EventChunkKey = KeyTriple<PseudonymousID, String, KeyPair<Timestamp, UInt32>>
typealias RowKey = KeyTriple<PseudonymousID, String, Timestamp>
