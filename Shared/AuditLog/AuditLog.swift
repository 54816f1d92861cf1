public import AuditAPI
public import Cryptography
public import PrivacyCore
public import SealedStore
public import TransparencyLog
internal import WireFormat

/// The transparency log of one service, in the service's own store.
///
/// Each entry is a leaf of a Merkle tree (RFC 6962). The leaf holds a salted commitment and nothing
/// of a person; what it commits to is sealed in a row of its own, and deleting that row forgets the
/// entry while every proof still holds. Entry, leaf and the hashes it completes are written in one
/// transaction, so that the tree is never ahead of or behind what it records.
///
/// Checkpoints are signed behind the writers' backs, at most one each `checkpointIntervalMs`, of what
/// is durable. An entry's *place* counts from 0; its record's *number* is one more.
public final class AuditLog: Sendable {
  /// The tables that a store with a log must be opened with.
  public static let tables: [any StoreTableDescribing] = AuditTables.all

  let store: SealedStore
  let time: any TimeSource
  let random: any RandomSource
  let configuration: AuditLogConfiguration
  let tree: AuditTree
  let publisher: CheckpointPublisher?
  let collector: ReadCollector
  /// Where the log's own tasks run; `nil` is Swift's pool.
  let executor: (any TaskExecutor)?

  /// The log that lives in `store`, which must have been opened with `AuditLog.tables`.
  ///
  /// - Parameters:
  ///   - signer: signs checkpoints; its name is the log's origin. Without one there are no
  ///     checkpoints, and whatever needs them throws `noSigningKey`.
  ///   - executor: where the log's own tasks run, for simulations; `nil` is Swift's pool.
  public init(
    store: SealedStore, time: any TimeSource, random: any RandomSource = SystemRandom(),
    signer: NoteSigner? = nil, configuration: AuditLogConfiguration = AuditLogConfiguration(),
    executor: (any TaskExecutor)? = nil
  ) {
    self.store = store
    self.time = time
    self.random = random
    self.configuration = configuration
    self.executor = executor
    let tree = AuditTree()
    self.tree = tree
    publisher = signer.map {
      CheckpointPublisher(
        store: store, tree: tree, time: time, executor: executor, signer: $0,
        configuration: configuration)
    }
    collector = ReadCollector(configuration: configuration)
  }

  /// The number of the record at a place of the tree: people count from 1.
  public static func number(at index: UInt64) -> UInt64 { index + 1 }

  // MARK: - Appending

  /// Records `entry` and returns its place when it is durable. Costs one group commit.
  ///
  /// - Parameter under: seals the content with a person's key, so that it is forgotten with them.
  @discardableResult
  public func append(_ entry: AuditEntry, under subjectKey: SealingKey? = nil) async throws
    -> UInt64
  {
    try await store.write { [self] transaction in
      try append(entry, in: &transaction, under: subjectKey)
    }.value
  }

  /// Records `entry` together with what else `transaction` writes: both or neither. Returns its
  /// place. Costs two rows and about five look-ups.
  ///
  /// - Throws: `olderFormat`, `newerFormat`, `damaged`; `log(.malformed)` for an action that is no
  ///   name (`NameRule`).
  @discardableResult
  public func append(
    _ entry: AuditEntry, in transaction: inout WriteTransaction, under subjectKey: SealingKey? = nil
  ) throws -> UInt64 {
    try append(entry, .entry, in: &transaction, under: subjectKey)
  }

  func append(
    _ entry: AuditEntry, _ kind: LogLeaf.Content, in transaction: inout WriteTransaction,
    under subjectKey: SealingKey? = nil
  ) throws -> UInt64 {
    try tree.checkFormat(in: &transaction)
    let index = try tree.size(transaction)
    let now = time.now
    let record = entry.record(number: Self.number(at: index), at: now)
    let content = SaltedContent(
      salt: SaltedCommitment.salt(random), content: record.packed())
    let leaf: LogLeaf
    do throws(TransparencyLogError) {
      leaf = try LogLeaf(
        seconds: now.seconds, action: entry.action, commitment: content.commitment(),
        content: kind)
    } catch {
      throw AuditLogError.log(error)
    }
    try tree.append(leaf, at: index, in: &transaction)
    try transaction.put(AuditTables.entries, index, content, under: subjectKey)
    publisher?.entryArrived()
    return index
  }

  // MARK: - Reading

  /// How many entries there are, forgotten ones too.
  public func count() throws -> UInt64 {
    try store.read { snapshot in
      try tree.checkFormat(snapshot)
      return try tree.size(snapshot)
    }
  }

  /// How many there are in a snapshot or transaction of a caller.
  public func count(in reader: borrowing some StoreReading & ~Copyable) throws -> UInt64 {
    try tree.size(reader)
  }

  /// Up to `limit` entries after number `after`, in order. Forgotten ones, and those under a person's
  /// key that `subjectKey` does not give, are left out.
  ///
  /// - Parameter subjectKey: the key of the person whose entry has that place.
  public func records(
    after: UInt64 = 0, limit: Int, subjectKey: (UInt64) throws -> SealingKey? = { _ in nil }
  ) throws -> [AuditRecord] {
    try store.read { snapshot in
      try tree.checkFormat(snapshot)
      var records: [AuditRecord] = []
      // The entry with number n has place n - 1.
      try snapshot.scan(
        AuditTables.entries, .from(after), reverse: false, limit: limit, subjectKey: subjectKey
      ) { _, value in
        records.append(try AuditRecord(packed: value.content))
        return .next
      }
      return records
    }
  }

  /// What the leaf at a place commits to, and its salt: with these, whoever has the leaf can see that
  /// the content is what was logged.
  ///
  /// - Throws: `noSuchEntry` where there is none or it has been forgotten.
  public func opening(
    of index: UInt64, under subjectKey: SealingKey? = nil
  ) throws -> (salt: [UInt8], content: [UInt8]) {
    guard let opening = try openingIfKept(of: index, under: subjectKey) else {
      throw AuditLogError.noSuchEntry(index: index)
    }
    return opening
  }

  /// The same; `nil` where there is no such entry or it has been forgotten.
  public func openingIfKept(
    of index: UInt64, under subjectKey: SealingKey? = nil
  ) throws -> (salt: [UInt8], content: [UInt8])? {
    try store.read { snapshot in
      try snapshot.get(AuditTables.entries, index, under: subjectKey).map { ($0.salt, $0.content) }
    }
  }

  // MARK: - Forgetting

  /// Destroys what the entry at a place says, and its salt. The leaf and every proof stay; the content
  /// can no longer be read, nor confirmed by whoever guesses it. Once the store's journal is cut and
  /// its pages are written over, nothing of it is on the disk.
  public func forget(_ index: UInt64, in transaction: inout WriteTransaction) throws {
    guard try transaction.contains(AuditTables.leaves, index) else {
      throw AuditLogError.noSuchEntry(index: index)
    }
    try transaction.delete(AuditTables.entries, index)
  }
}

extension AuditEntry {
  /// The entry as it is kept.
  func record(number: UInt64, at now: Timestamp) -> AuditRecord {
    AuditRecord(
      number: number, atUs: now.microseconds, principal: principal, action: action,
      purpose: purpose, pids: pids.map(\.bytes), consentIDs: consentIDs,
      details: details.map { AuditDetail(name: $0.name, value: $0.value) }, statement: statement)
  }
}

extension AuditRecord {
  /// Reads a packed record.
  init(packed bytes: [UInt8]) throws {
    self = try bytes.withUnsafeBytes { try AuditRecord(packed: $0) }
  }
}

extension Timestamp {
  /// Whole seconds since the epoch, rounded down.
  var seconds: Int64 {
    let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
