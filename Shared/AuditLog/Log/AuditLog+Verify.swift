internal import AuditAPI
internal import PrivacyCore
internal import SealedStore
internal import TransparencyLog

/// What reading the whole audit log showed.
public enum AuditVerdict: Hashable, Sendable {
  /// Every leaf, hash, content and checkpoint is what it should be. Forgotten entries, and those that
  /// only a person's key opens, are counted; of these the leaf alone was checked.
  case intact(entryCount: UInt64, closedCount: UInt64 = 0)
  /// The entry with this number is missing or not what was written.
  case broken(number: UInt64)
  /// The checkpoint of a tree of this size does not say what the log holds, or is not signed.
  case brokenCheckpoint(treeSize: UInt64)
}

extension AuditLog {
  /// Reads the whole log and checks each leaf against its hash, each hash against the tree, each
  /// content against its leaf, each kept checkpoint against its tree and signature. About 3 µs an
  /// entry; holds a snapshot for a thousand entries at a time.
  public func verify() throws -> AuditVerdict {
    var walk = VerificationWalk()
    let kept = try store.read { snapshot in
      try tree.checkFormat(snapshot)
      return (
        size: try tree.size(snapshot),
        notes: try snapshot.rows(AuditTables.checkpoints) + snapshot.rows(AuditTables.cosigned)
      )
    }
    walk.expect(kept.notes.map(\.key))
    while walk.frontier.size < kept.size {
      let end = min(kept.size, walk.frontier.size + 1_000)
      let broken = try store.read { snapshot in
        do {
          return try walk.read(through: end, snapshot)
        } catch is StoreError {
          // A row that does not open or parse is not what was written.
          return walk.frontier.size
        }
      }
      if let broken { return .broken(number: broken + 1) }
    }
    for note in kept.notes {
      guard let root = walk.roots[note.key], isTrue(note.value, size: note.key, root: root) else {
        return .brokenCheckpoint(treeSize: note.key)
      }
    }
    return .intact(entryCount: kept.size, closedCount: walk.closedCount)
  }

  private func isTrue(_ encoded: [UInt8], size: UInt64, root: MerkleHash) -> Bool {
    guard let signed = try? SignedCheckpoint(encoded: encoded),
      signed.treeSize == size, signed.checkpoint.rootHash == root
    else { return false }
    guard let publisher else { return true }
    let policy = try? TrustPolicy(logs: [publisher.signer.key], witnesses: configuration.witnesses)
    return (try? policy?.verify(signed.note)) != nil
  }
}

/// Walks along the leaves and builds the tree anew.
private struct VerificationWalk {
  private(set) var frontier = TreeFrontier()
  private(set) var closedCount: UInt64 = 0
  private(set) var roots: [UInt64: MerkleHash] = [:]
  private var wantedSizes: Set<UInt64> = []

  /// Asks for the roots at these sizes.
  mutating func expect(_ sizes: [UInt64]) {
    wantedSizes = Set(sizes)
    if wantedSizes.contains(0) { roots[0] = try? frontier.root() }
  }

  /// Checks the entries up to `end`; answers the place of the first that is not right.
  mutating func read(
    through end: UInt64, _ snapshot: borrowing ReadSnapshot
  ) throws -> UInt64? {
    let range = KeyRange<UInt64>.from(frontier.size, below: end)
    var contents: [UInt64: SaltedContent] = [:]
    try snapshot.scan(
      AuditTables.entries, range, reverse: false, limit: .max, subjectKey: { _ in nil }
    ) { index, row in
      contents[index] = row
      return .next
    }
    var broken: UInt64?
    try snapshot.scan(AuditTables.leaves, range) { index, row in
      let expected = frontier.size
      guard index == expected, try isRight(row, at: index, contents[index]) else {
        broken = expected
        return .stop
      }
      return .next
    }
    if let broken { return broken }
    return frontier.size < end ? frontier.size : nil
  }

  private mutating func isRight(
    _ row: StoredLeaf, at index: UInt64, _ content: SaltedContent?
  ) throws -> Bool {
    guard try frontier.append(.leaf(row.leaf)) == row.hashes,
      let leaf = try? LogLeaf(encoded: row.leaf)
    else { return false }
    if wantedSizes.contains(frontier.size) { roots[frontier.size] = try frontier.root() }
    guard let content else {
      closedCount += 1
      return true
    }
    guard try content.commitment() == leaf.commitment,
      let record = try? AuditRecord(packed: content.content)
    else { return false }
    return record.number == index + 1 && record.action == leaf.action
      && Timestamp(microseconds: record.atUs).seconds == leaf.seconds
  }
}
