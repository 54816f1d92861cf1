internal import PrivacyCore
public import SealedStore
internal import TransparencyLog

extension AuditLog {
  /// Records `entry` for all of `batch`, together with what else `transaction` writes. Returns the
  /// entry's place. Costs one row more for each 256 members.
  ///
  /// - Throws: as `append(_:in:under:)`; `log(.malformed)` for a batch without members.
  @discardableResult
  public func append(
    _ entry: AuditEntry, _ batch: AuditBatch, in transaction: inout WriteTransaction
  ) throws -> UInt64 {
    guard batch.count > 0 else {
      throw AuditLogError.log(.malformed("a batch without members"))
    }
    let index = try append(
      entry, .batch(count: UInt64(batch.count), root: batch.root()), in: &transaction)
    for (number, hashes) in batch.groups.enumerated() {
      try transaction.put(AuditTables.batches, KeyPair(index, UInt32(number)), hashes)
    }
    if !batch.groupRoots.isEmpty {
      try transaction.put(
        AuditTables.batches, KeyPair(index, BatchGroup.rootsRow),
        TileCoding.encode(batch.groupRoots))
    }
    return index
  }

  /// The place that the next entry of a transaction takes: one that is at hand before the entry is.
  public func nextIndex(in transaction: inout WriteTransaction) throws -> UInt64 {
    try tree.checkFormat(in: &transaction)
    return try tree.size(transaction)
  }

  /// That a member is in the batch whose entry has the place `index`. A few look-ups, and at most a
  /// hash for each 256 members.
  ///
  /// - Throws: `noSuchEntry` where the place is none of a batch, or the batch has no such member.
  public func batchProof(index: UInt64, member: UInt32) throws -> BatchProof {
    try store.read { snapshot in
      guard let row = try snapshot.get(AuditTables.leaves, index),
        case .batch(let count, _) = try LogLeaf(encoded: row.leaf).content, member < count
      else { throw AuditLogError.noSuchEntry(index: index) }
      var reader = BatchReader(index: index)
      let inclusion = try InclusionProof(leafIndex: UInt64(member), treeSize: count) {
        try reader.node($0, snapshot)
      }
      return BatchProof(leaf: row.leaf, inclusion: inclusion)
    }
  }
}

/// Reads the nodes of a batch's tree.
private struct BatchReader {
  let index: UInt64
  private var rows: [UInt32: [UInt8]] = [:]

  init(index: UInt64) { self.index = index }

  mutating func node(
    _ place: NodeCoordinate, _ reader: borrowing some StoreReading & ~Copyable
  ) throws -> MerkleHash {
    if place.level > BatchGroup.height {
      let left = NodeCoordinate(level: place.level - 1, index: 2 * place.index)
      let right = NodeCoordinate(level: place.level - 1, index: 2 * place.index + 1)
      return try .node(node(left, reader), node(right, reader))
    }
    if place.level == BatchGroup.height {
      return try hash(Int(place.index), of: BatchGroup.rootsRow, reader)
    }
    let last = Int(place.lastLeaf)
    let position = BatchGroup.position(
      offset: BatchGroup.offset(of: last), level: place.level)
    return try hash(position, of: UInt32(BatchGroup.number(of: last)), reader)
  }

  private mutating func hash(
    _ position: Int, of row: UInt32, _ reader: borrowing some StoreReading & ~Copyable
  ) throws -> MerkleHash {
    if rows[row] == nil {
      rows[row] = try reader.get(AuditTables.batches, KeyPair(index, row))
    }
    let start = position * MerkleHash.byteCount
    guard let bytes = rows[row], start + MerkleHash.byteCount <= bytes.count,
      let hash = MerkleHash(bytes[start..<start + MerkleHash.byteCount])
    else { throw AuditLogError.damaged(index: index) }
    return hash
  }
}
