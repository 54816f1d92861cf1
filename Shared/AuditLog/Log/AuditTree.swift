internal import PrivacyCore
internal import SealedStore
internal import Synchronization
internal import TransparencyLog

/// The tree as it lies in the store. Holds nothing but a guess of the tree's size, which every use
/// checks: what is true is what the transaction or snapshot at hand sees, also after a transaction
/// was rolled back.
final class AuditTree: Sendable {
  private let guess = Atomic<UInt64>(0)
  private let isChecked = Atomic<Bool>(false)

  /// How many leaves there are. Two look-ups where the last caller appended, else a step to the
  /// table's end.
  func size(_ reader: borrowing some StoreReading & ~Copyable) throws -> UInt64 {
    let guess = guess.load(ordering: .relaxed)
    // Places are taken one after the other and never given back.
    if try guess == 0 || reader.contains(AuditTables.leaves, guess - 1),
      try !reader.contains(AuditTables.leaves, guess)
    {
      return guess
    }
    let last = try reader.keys(AuditTables.leaves, reverse: true, limit: 1).first
    return last.map { $0 + 1 } ?? 0
  }

  /// The hash at a place of the tree: one look-up.
  func node(
    _ place: NodeCoordinate, _ reader: borrowing some StoreReading & ~Copyable
  ) throws -> MerkleHash {
    let row = try reader.get(AuditTables.leaves, place.lastLeaf)
    guard let row, place.level < row.hashes.count else {
      throw AuditLogError.damaged(index: place.lastLeaf)
    }
    return row.hashes[place.level]
  }

  /// Adds the leaf that takes place `index`, which is the tree's size.
  func append(
    _ leaf: LogLeaf, at index: UInt64, in transaction: inout WriteTransaction
  ) throws {
    let bytes = leaf.encoded
    let hashes = try TreeShape.completed(by: .leaf(bytes), at: index) {
      try node($0, transaction)
    }
    try transaction.put(AuditTables.leaves, index, StoredLeaf(leaf: bytes, hashes: hashes))
    guess.store(index + 1, ordering: .relaxed)
  }

  /// The right edge of the tree of `size`.
  func frontier(
    _ size: UInt64, _ reader: borrowing some StoreReading & ~Copyable
  ) throws -> TreeFrontier {
    try TreeFrontier(size: size) { try node($0, reader) }
  }

  /// Refuses a store that holds a log in another form. Looks once.
  func checkFormat(_ reader: borrowing some StoreReading & ~Copyable) throws {
    guard !isChecked.load(ordering: .relaxed) else { return }
    guard try reader.keys(AuditTables.chained, limit: 1).isEmpty else {
      throw AuditLogError.olderFormat
    }
    let found = try reader.get(AuditTables.state, AuditTables.State.format)
    if let found, found != AuditTables.format {
      throw AuditLogError.newerFormat(found: found, supported: AuditTables.format)
    }
    if found != nil { isChecked.store(true, ordering: .relaxed) }
  }

  /// Refuses a store with a log in another form, and marks a new one with this form.
  func checkFormat(in transaction: inout WriteTransaction) throws {
    guard !isChecked.load(ordering: .relaxed) else { return }
    try checkFormat(transaction)
    if try transaction.get(AuditTables.state, AuditTables.State.format) == nil {
      try transaction.put(AuditTables.state, AuditTables.State.format, AuditTables.format)
    }
  }
}
