internal import PrivacyCore
package import SealedStore
package import StoredMessages
package import VaultAPI

/// The table of what callers asked for. Keys are SPIFFE ids.
package enum CallerTables {
  /// The newest day of each caller.
  package static let days = StoreTable<String, StoredMessage<CallerDayRecord>>(
    "caller-days", id: 23)

  /// All of them.
  package static let all: [any StoreTableDescribing] = [days]
}
