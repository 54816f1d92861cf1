internal import PrivacyCore
package import SealedStore
package import StoredMessages
package import VaultAPI

/// The tables of re-identification. Keys are ids of cases and names of who asks.
package enum CaseTables {
  /// The cases, by their ULIDs: in the order of time.
  package static let cases = StoreTable<String, StoredMessage<CaseRecord>>("cases", id: 20)
  /// Cases that may be open or approved, by requester.
  package static let pending = StoreTable<KeyPair<String, String>, EmptyValue>(
    "pending-cases", id: 21)
  /// The state of the whole path: one row.
  package static let path = StoreTable<String, StoredMessage<PathRecord>>(
    "reidentification-path", id: 22)

  /// All of them.
  package static let all: [any StoreTableDescribing] = [cases, pending, path]

  static let pathKey = "path"
}
