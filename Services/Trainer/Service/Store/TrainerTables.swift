internal import PrivacyCore
package import SealedStore
package import StoredMessages
package import TrainerAPI

/// The tables of the trainer. None is keyed by a person or names one.
package enum TrainerTables {
  /// A data set and a purpose.
  package typealias Budget = KeyPair<String, String>
  /// A data set, a purpose and the number of a ledger entry.
  package typealias Entry = KeyTriple<String, String, UInt64>

  /// The budgets as they were opened.
  package static let budgets = StoreTable<Budget, StoredMessage<BudgetRecord>>("budgets", id: 1)
  /// Where the ledger of each budget stands.
  package static let standings = StoreTable<Budget, StoredMessage<BudgetStanding>>(
    "standings", id: 2)
  /// The entries of the ledgers: only ever added to.
  package static let entries = StoreTable<Entry, StoredMessage<LedgerEntry>>("entries", id: 3)
  /// For each charge that is no longer only reserved, the number of the entry that says so.
  package static let outcomes = StoreTable<Entry, UInt64>("outcomes", id: 4)
  /// The models by their ids, which sort by time.
  package static let models = StoreTable<String, StoredMessage<ModelRecord>>("models", id: 5)
  /// The ids of the models of each name.
  package static let modelNames = StoreTable<KeyPair<String, String>, EmptyValue>(
    "model_names", id: 6)
  /// The items of each model, some in each row.
  package static let modelItems = StoreTable<KeyPair<String, UInt32>, StoredMessage<ModelChunk>>(
    "model_items", id: 7)

  /// All of them.
  package static let all: [any StoreTableDescribing] = [
    budgets, standings, entries, outcomes, models, modelNames, modelItems,
  ]
}
