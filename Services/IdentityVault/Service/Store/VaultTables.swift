package import PrivacyCore
package import SealedStore
package import StoredMessages
package import VaultAPI

/// The tables of the identity vault. Keys are pids and numbers; whatever names a person is in the
/// values, which are sealed.
package enum VaultTables {
  /// The people that the vault knows.
  package static let people = StoreTable<PseudonymousID, StoredMessage<PersonRecord>>(
    "people", id: 1)
  /// The identifiers of each person, numbered in the order they came.
  package static let identifiers = StoreTable<
    KeyPair<PseudonymousID, UInt32>, StoredMessage<IdentifierRecord>
  >("identifiers", id: 2)
  /// Pids of further identifiers, and whom they stand for.
  package static let aliases = StoreTable<PseudonymousID, StoredMessage<AliasRecord>>(
    "aliases", id: 3)
  /// Each person's subject key, sealed under a key of its own before the store seals it.
  package static let subjectKeys = StoreTable<PseudonymousID, [UInt8]>("subject-keys", id: 4)
  /// Pids of people who were forgotten, and of their aliases: none of them is recorded again.
  package static let forgotten = StoreTable<PseudonymousID, StoredMessage<ForgottenRecord>>(
    "forgotten", id: 5)
  /// How the pids of each domain are made, by tenant and domain.
  package static let domains = StoreTable<
    KeyPair<String, String>, StoredMessage<DomainRecord>
  >("domains", id: 6)

  /// Pids of identifiers that several people use.
  package static let shared = StoreTable<PseudonymousID, StoredMessage<SharedRecord>>(
    "shared-identifiers", id: 24)

  /// All of them.
  package static let all: [any StoreTableDescribing] = [
    people, identifiers, aliases, subjectKeys, forgotten, domains, shared,
  ]
}
