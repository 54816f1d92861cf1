public import AuditAPI
internal import PrivacyCore
public import TransparencyLog
public import SealedStore

/// That one read is in a batch that was logged.
public struct ReadProof: Hashable, Sendable {
  /// The place of the batch's entry in the log.
  public let index: UInt64
  /// The batch's leaf: it holds the root that the proof leads to.
  public let leaf: LogLeaf
  /// The read's commitment: the leaf of the batch's own tree.
  public let commitment: MerkleHash
  /// The way from there to the batch's root.
  public let inclusion: InclusionProof

  /// Throws `notIncluded` unless the read with this salt and content is in the batch.
  public func verify(salt: [UInt8], content: [UInt8]) throws(TransparencyLogError) {
    guard case .reads(let count, let root) = leaf.content, count == inclusion.treeSize,
      try SaltedCommitment(salt: salt, content: content).hash == commitment
    else {
      throw .notIncluded(leafIndex: inclusion.leafIndex, treeSize: inclusion.treeSize)
    }
    try inclusion.verify(leaf: .leaf(commitment.bytes), root: root)
  }
}

extension AuditLog {
  /// The action of a batch's entry.
  public static let readsAction = "audit.reads"

  /// Records a read among the next batch: costs no transaction and never waits. All reads of
  /// `readIntervalMs` become one entry with a Merkle root over them. What a crash or a store that does
  /// not write keeps from the log shows there as a gap.
  ///
  /// - Throws: `log(.malformed)` for an action that is no name (`NameRule`).
  public func recordRead(_ entry: AuditEntry) throws {
    guard NameRule.accepts(entry.action) else {
      throw AuditLogError.log(.malformed("the action of a leaf"))
    }
    let now = time.now
    let row = SaltedContent(
      salt: SaltedCommitment.salt(random), content: entry.record(number: 0, at: now).packed())
    let event = ReadCollector.Event(row: row, commitment: try row.commitment(), at: now)
    if collector.add(event) { Task(executorPreference: executor) { [self] in await logReads() } }
  }

  private func logReads() async {
    repeat {
      do {
        try await time.sleep(milliseconds: configuration.readIntervalMs)
        try await flushReads()
      } catch StoreError.closed {
        // What waits is lost with the process; the next start logs the gap.
        return
      } catch is CancellationError {
        return
      } catch {
        // It stays in memory for the next round, up to the configured bounds.
      }
    } while !collector.rest()
  }

  /// Logs the reads that wait, now.
  ///
  /// - Throws: what the store throws; the reads then wait for the next attempt.
  public func flushReads() async throws {
    while true {
      let (events, lost) = collector.take()
      if events.isEmpty, lost == nil { return }
      do {
        try await store.write { [self] transaction in
          if let lost { try appendGap(lost, in: &transaction) }
          if !events.isEmpty { try appendBatch(events, in: &transaction) }
        }
      } catch {
        collector.putBack(events, lost)
        throw error
      }
    }
  }

  private func appendBatch(
    _ events: [ReadCollector.Event], in transaction: inout WriteTransaction
  ) throws {
    var batch = TreeFrontier()
    for event in events { try batch.append(.leaf(event.commitment.bytes)) }
    let first = events.map(\.at).min() ?? time.now
    let last = events.map(\.at).max() ?? time.now
    let entry = AuditEntry(
      principal: "", action: Self.readsAction,
      details: [
        ("count", String(events.count)), ("from", first.description), ("to", last.description),
      ])
    let index = try append(
      entry, .reads(count: UInt64(events.count), root: batch.root()), in: &transaction)
    for (position, event) in events.enumerated() {
      try transaction.put(AuditTables.reads, KeyPair(index, UInt32(position)), event.row)
    }
    try transaction.put(
      AuditTables.readLeaves, index, TileCoding.encode(events.map(\.commitment)))
    try transaction.put(
      AuditTables.state, AuditTables.State.readsThrough, UInt64(clamping: last.microseconds))
  }

  // MARK: - Batches

  /// The reads of a batch that are still kept, with their places in it.
  public func reads(of index: UInt64) throws -> [(position: UInt32, record: AuditRecord)] {
    try store.read { snapshot in
      try snapshot.rows(AuditTables.reads, .prefix(index)).map { row in
        (row.key.second, try AuditRecord(packed: row.value.content))
      }
    }
  }

  /// The proof that a read is in its batch.
  ///
  /// - Throws: `noSuchEntry` where the place is none of a batch, or the batch has no such read.
  public func readProof(index: UInt64, position: UInt32) throws -> ReadProof {
    try store.read { snapshot in
      guard let row = try snapshot.get(AuditTables.leaves, index),
        let bytes = try snapshot.get(AuditTables.readLeaves, index)
      else { throw AuditLogError.noSuchEntry(index: index) }
      let commitments = try TileCoding.decode(
        tile: bytes, width: bytes.count / MerkleHash.byteCount)
      guard position < commitments.count else { throw AuditLogError.noSuchEntry(index: index) }
      let tree = try BatchTree(commitments)
      return ReadProof(
        index: index, leaf: try LogLeaf(encoded: row.leaf), commitment: commitments[Int(position)],
        inclusion: try InclusionProof(
          leafIndex: UInt64(position), treeSize: UInt64(commitments.count), tree.node))
    }
  }

  /// What a read's commitment covers, and its salt.
  ///
  /// - Throws: `noSuchEntry` where there is none or it has been forgotten.
  public func readOpening(
    index: UInt64, position: UInt32
  ) throws -> (salt: [UInt8], content: [UInt8]) {
    let row = try store.read { try $0.get(AuditTables.reads, KeyPair(index, position)) }
    guard let row else { throw AuditLogError.noSuchEntry(index: index) }
    return (row.salt, row.content)
  }

  /// Forgets one read of a batch: the others stay provable.
  public func forgetRead(
    index: UInt64, position: UInt32, in transaction: inout WriteTransaction
  ) throws {
    try transaction.delete(AuditTables.reads, KeyPair(index, position))
  }

  /// Forgets all that the reads of a batch say; that there were so many stays in the log.
  public func dropReads(of index: UInt64, in transaction: inout WriteTransaction) throws {
    try transaction.delete(AuditTables.reads, .prefix(index))
  }
}

/// The whole tree of one batch, in memory.
struct BatchTree {
  private var nodes: [NodeCoordinate: MerkleHash] = [:]
  private var frontier = TreeFrontier()

  init(_ commitments: [MerkleHash]) throws {
    for (index, commitment) in commitments.enumerated() {
      for (level, hash) in try frontier.append(.leaf(commitment.bytes)).enumerated() {
        nodes[NodeCoordinate(level: level, index: UInt64(index) >> UInt64(level))] = hash
      }
    }
  }

  func node(_ place: NodeCoordinate) throws -> MerkleHash {
    guard let hash = nodes[place] else {
      throw TransparencyLogError.outOfRange("a node of a batch", treeSize: frontier.size)
    }
    return hash
  }

  func root() throws -> MerkleHash { try frontier.root() }
}
