package import ConsentAPI
package import PrivacyCore
package import SealedStore
package import StoredMessages

/// The tables of the consent service.
package enum ConsentTables {
  /// The ledger: every receipt by its position, from 1 without gaps.
  package static let receipts = StoreTable<UInt64, StoredMessage<Receipt>>("receipts", id: 1)
  /// The position of each receipt by its id.
  package static let positions = StoreTable<ConsentID, UInt64>("positions", id: 2)
  /// The positions of each person's receipts, and where their entries stand in the log.
  package static let history = StoreTable<KeyPair<PseudonymousID, UInt64>, LogPlace>(
    "history", id: 3)
  /// What counts for each person now.
  package static let people = StoreTable<PseudonymousID, StoredMessage<PersonState>>(
    "people", id: 4)
  /// What is left to do for each erasure, by the position of its receipt.
  package static let erasures = StoreTable<UInt64, StoredMessage<ErasureTask>>("erasures", id: 5)
  /// What this program must remember about its own settings.
  package static let settings = StoreTable<String, UInt64>("settings", id: 6)
  /// The requests that callers gave a name to, by the hash of caller, method and name.
  package static let requests = StoreTable<[UInt8], StoredMessage<AnsweredRequest>>(
    "requests", id: 7)
  /// Their keys in the order of their answers: the oldest are forgotten first.
  package static let requestOrder = StoreTable<UInt64, [UInt8]>("request_order", id: 8)
  /// Every version of every purpose.
  package static let purposes = StoreTable<KeyPair<String, UInt32>, StoredMessage<Purpose>>(
    "purposes", id: 9)
  /// Every version of every notice.
  package static let notices = StoreTable<KeyPair<String, UInt32>, StoredMessage<Notice>>(
    "notices", id: 10)
  /// The systems outside, and how far each is.
  package static let webhooks = StoreTable<String, StoredMessage<WebhookProgress>>(
    "webhooks", id: 11)
  /// The changes that a system outside did not take, by its name and their positions.
  package static let deadLetters = StoreTable<
    KeyPair<String, UInt64>, StoredMessage<StoredDeadLetter>
  >("dead_letters", id: 12)
  /// What counted for people with many receipts, by person and number of receipts.
  package static let earlierStates = StoreTable<
    KeyPair<PseudonymousID, UInt64>, StoredMessage<PersonState>
  >("earlier_states", id: 13)
  /// Whom former pids mean, while the rotation that replaced them runs.
  package static let names = StoreTable<PseudonymousID, FormerName>("names", id: 14)
  /// Pids that are nobody's any more, with the rotation that replaced each.
  package static let retiredNames = StoreTable<PseudonymousID, UInt64>("retired_names", id: 15)

  /// All of them.
  package static let all: [any StoreTableDescribing] = [
    receipts, positions, history, people, erasures, settings, requests, requestOrder, purposes,
    notices, webhooks, deadLetters, earlierStates, names,
    retiredNames,
  ]
}
