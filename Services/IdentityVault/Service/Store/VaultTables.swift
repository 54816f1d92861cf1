package import PrivacyCore
package import SealedStore
package import StoredMessages
package import VaultAPI

/// The tables of the identity vault, without those of rotations. Keys are pids and numbers; whatever names a person is in the
/// values, which are sealed: identifiers under a key of the person's own.
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
  /// Subject keys from before the key tree, each sealed under a key of the vault's own. They move
  /// at
  /// the first start.
  package static let ringSealedKeys = StoreTable<PseudonymousID, [UInt8]>("subject-keys", id: 4)
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

  /// Each person's subject key, sealed under the key of a slot of the key tree.
  package static let subjectKeys = StoreTable<PseudonymousID, StoredMessage<SubjectKeyRecord>>(
    "slot-sealed-keys", id: 25)
  /// Whose each slot is, as the 32 bytes of the pid.
  package static let slotOwners = StoreTable<UInt32, [UInt8]>("slot-owners", id: 26)
  /// Up to where the store has followed the key tree: one row.
  package static let keyTree = StoreTable<String, StoredMessage<KeyTreeRecord>>(
    "key-tree", id: 27)
  /// Slots that nobody has any more and that may not be destroyed yet.
  package static let slotsGivenUp = StoreTable<UInt32, EmptyValue>("slots-given-up", id: 28)

  static let keyTreeKey = "tree"

  /// All of them.
  package static let all: [any StoreTableDescribing] = [
    people, identifiers, aliases, ringSealedKeys, forgotten, domains, shared, subjectKeys,
    slotOwners, keyTree, slotsGivenUp,
  ]
}
