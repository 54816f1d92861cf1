public import AuditAPI
internal import Cryptography
public import PrivacyCore
public import SealedStore
public import StoredMessages

/// The audit log of one service: durable entries in the service's own store, each hashed together
/// with the one before it, so that an entry that is changed, taken out or put in shows.
public struct AuditLog: Sendable {
  /// The log's table, by entry number.
  public static let table = StoreTable<UInt64, StoredMessage<AuditRecord>>("audit", id: 60_001)

  private let store: SealedStore
  private let time: any TimeSource

  /// The log that lives in `store`, which must have been opened with `AuditLog.table`.
  public init(store: SealedStore, time: any TimeSource) {
    self.store = store
    self.time = time
  }

  /// Records `entry` and returns its number when it is durable. Costs one group commit.
  @discardableResult
  public func append(_ entry: AuditEntry) async throws -> UInt64 {
    try await store.write { transaction in try append(entry, in: &transaction) }.value
  }

  /// Records `entry` together with what else `transaction` writes: both or neither.
  @discardableResult
  public func append(
    _ entry: AuditEntry, in transaction: inout WriteTransaction
  ) throws -> UInt64 {
    let last = try transaction.first(Self.table, reverse: true)?.value.message
    var record = AuditRecord()
    record.number = (last?.number ?? 0) + 1
    record.atUs = time.now.microseconds
    record.principal = entry.principal
    record.action = entry.action
    record.purpose = entry.purpose
    record.pids = entry.pids.map(\.bytes)
    record.consentIDs = entry.consentIDs
    record.details = entry.details.map { AuditDetail(name: $0.name, value: $0.value) }
    record.hash = try Self.hash(of: record, after: last?.hash ?? [])
    try transaction.put(Self.table, record.number, StoredMessage(record))
    return record.number
  }

  /// Up to `limit` entries after number `after`, in order.
  public func records(after: UInt64 = 0, limit: Int) throws -> [AuditRecord] {
    try store.read { snapshot in
      try snapshot.rows(Self.table, .after(after), limit: limit).map(\.value.message)
    }
  }

  /// Reads the whole log and checks each number and hash.
  public func verify() throws -> AuditVerdict {
    var expected: UInt64 = 1
    var hash: [UInt8] = []
    while true {
      let batch = try records(after: expected - 1, limit: 1_000)
      if batch.isEmpty { return .intact(entryCount: expected - 1) }
      for record in batch {
        var bare = record
        bare.hash = []
        guard record.number == expected, try record.hash == Self.hash(of: bare, after: hash) else {
          return .broken(number: expected)
        }
        hash = record.hash
        expected += 1
      }
    }
  }

  private static func hash(
    of record: AuditRecord, after previous: [UInt8]
  ) throws -> [UInt8] {
    try Digest.sha256(previous + record.packed())
  }
}

/// What reading the whole audit log showed.
public enum AuditVerdict: Hashable, Sendable {
  /// Every entry follows from the one before it.
  case intact(entryCount: UInt64)
  /// The entry with this number is missing or not what was written.
  case broken(number: UInt64)
}
