package import PrivacyCore
package import SealedStore
package import StoredMessages
package import VaultAPI

/// The tables of the rotation of pid keys. Those of names are empty when none is under way.
package enum RotationTables {
  /// The rotation that runs, or the last one: one row.
  package static let rotations = StoreTable<String, StoredMessage<PidRotationRecord>>(
    "pid-rotations", id: 7)
  /// Is there as long as both pids of a person are in force: one row. Who looks for a person learns
  /// of it without opening anything.
  package static let window = StoreTable<String, EmptyValue>("pid-rotation-window", id: 8)
  /// The next pid of each one, from when it is computed.
  package static let successors = StoreTable<PseudonymousID, StoredMessage<OtherNameRecord>>(
    "pid-successors", id: 9)
  /// The former pid of each next one.
  package static let predecessors = StoreTable<PseudonymousID, StoredMessage<OtherNameRecord>>(
    "pid-predecessors", id: 10)
  /// The former pids by the numbers of their renamings, as 32 bytes.
  package static let renamings = StoreTable<UInt64, [UInt8]>("pid-renamings", id: 11)
  /// What each service last told, by its name.
  package static let reports = StoreTable<String, StoredMessage<ServiceRekeying>>(
    "rekey-reports", id: 12)

  /// The key of tables with one row.
  static let only = "pids"

  /// All of them.
  package static let all: [any StoreTableDescribing] = [
    rotations, window, successors, predecessors, renamings, reports,
  ]
}
