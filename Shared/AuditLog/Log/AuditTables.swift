internal import PrivacyCore
package import SealedStore
package import TransparencyLog

/// The log's tables. Leaves are for ever; what they commit to lies in tables of its own, where it
/// can be destroyed.
package enum AuditTables {
  /// Leaves with the tree's hashes, by place.
  package static let leaves = StoreTable<UInt64, StoredLeaf>("audit_leaves", id: 60_002)
  /// What the leaves commit to, by place.
  package static let entries = StoreTable<UInt64, SaltedContent>("audit_entries", id: 60_003)
  /// Signed notes by tree size.
  static let checkpoints = StoreTable<UInt64, [UInt8]>("audit_checkpoints", id: 60_004)
  /// Signed notes with cosignatures by tree size.
  static let cosigned = StoreTable<UInt64, [UInt8]>("audit_cosigned", id: 60_005)
  /// Reads, by the place of their batch's entry and their place in the batch.
  package static let reads = StoreTable<KeyPair<UInt64, UInt32>, SaltedContent>(
    "audit_reads", id: 60_006)
  /// The commitments of a batch's reads, one behind the other, by the place of its entry.
  static let readLeaves = StoreTable<UInt64, [UInt8]>("audit_read_leaves", id: 60_007)
  /// The hashes of a batch's own tree, by the place of its entry and the number of the group.
  static let batches = StoreTable<KeyPair<UInt64, UInt32>, [UInt8]>("audit_batches", id: 60_009)
  /// The format, and how the log was last closed.
  static let state = StoreTable<String, UInt64>("audit_state", id: 60_008)
  /// Where the entries were before there was a tree. Only looked at, to refuse such a store.
  static let chained = StoreTable<UInt64, [UInt8]>("audit", id: 60_001)

  package static let all: [any StoreTableDescribing] = [
    leaves, entries, checkpoints, cosigned, reads, readLeaves, batches, state, chained,
  ]

  /// The form of the tables above.
  static let format: UInt64 = 1
  /// Rows of `state`.
  enum State {
    static let format = "format"
    /// Present while the log is open: microseconds of when it was opened.
    static let openSince = "open_since"
    /// Microseconds up to which every read is logged.
    static let readsThrough = "reads_through"
  }
}

/// A leaf and the hashes that it completed: `length (2) | leaf | hashes`. Every hash of the tree
/// stands in exactly one such row, written once, in the transaction of the entry that completed it.
package struct StoredLeaf: StoreValue {
  /// The leaf's bytes.
  package let leaf: [UInt8]
  /// The hashes, the leaf's own first, then upwards.
  package let hashes: [MerkleHash]

  /// A leaf of at most 65,535 bytes with its hashes.
  init(leaf: [UInt8], hashes: [MerkleHash]) {
    self.leaf = leaf
    self.hashes = hashes
  }

  package func encodeValue() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(2 + leaf.count + hashes.count * MerkleHash.byteCount)
    bytes.append(UInt8(truncatingIfNeeded: leaf.count >> 8))
    bytes.append(UInt8(truncatingIfNeeded: leaf.count))
    bytes.append(contentsOf: leaf)
    for hash in hashes { hash.append(to: &bytes) }
    return bytes
  }

  package init(storedValue bytes: [UInt8]) throws {
    guard bytes.count >= 2 else { throw StoreError.corrupted("a leaf of the audit log") }
    let byteCount = Int(bytes[0]) << 8 | Int(bytes[1])
    let rest = bytes.count - 2 - byteCount
    guard rest >= MerkleHash.byteCount, rest.isMultiple(of: MerkleHash.byteCount) else {
      throw StoreError.corrupted("a leaf of the audit log")
    }
    leaf = Array(bytes[2..<2 + byteCount])
    hashes = try TileCoding.decode(
      tile: Array(bytes[(2 + byteCount)...]), width: rest / MerkleHash.byteCount)
  }
}

/// What a leaf commits to, with its salt: `salt (32) | content`. Without this row the leaf tells
/// nothing.
package struct SaltedContent: StoreValue {
  /// The salt.
  package let salt: [UInt8]
  /// The content's bytes.
  package let content: [UInt8]

  init(salt: [UInt8], content: [UInt8]) {
    self.salt = salt
    self.content = content
  }

  package func encodeValue() -> [UInt8] { salt + content }

  package init(storedValue bytes: [UInt8]) throws {
    guard bytes.count >= SaltedCommitment.saltByteCount else {
      throw StoreError.corrupted("the content of an entry of the audit log")
    }
    salt = Array(bytes[..<SaltedCommitment.saltByteCount])
    content = Array(bytes[SaltedCommitment.saltByteCount...])
  }

  /// The commitment that the leaf must hold.
  func commitment() throws(TransparencyLogError) -> MerkleHash {
    try SaltedCommitment(salt: salt, content: content).hash
  }
}
