public import Cryptography
public import PrivacyCore

/// A transaction on the writer thread. It sees every earlier transaction, also those that share
/// its commit, and its own changes. Nothing of it remains when its body throws.
public struct WriteTransaction: ~Copyable, StoreReading {
  @usableFromInline let view: View
  private let pending: PendingChanges

  /// The position that the transaction commits as, if it changes anything.
  public let sequence: LogSequenceNumber

  init(_ view: View, pending: PendingChanges, sequence: UInt64) {
    self.view = view
    self.pending = pending
    self.sequence = LogSequenceNumber(sequence)
  }

  // MARK: - Changes

  /// Adds or replaces the row `key`.
  ///
  /// - Parameter under: the key of the person whose row it is: without that key nobody can read
  ///   the row, and once it is destroyed nobody ever can. Its id must be `KeyID.subject`.
  /// - Throws: `keyTooLong`, `valueTooLarge`, `transactionTooLarge`, `notASubjectKey`.
  @inlinable
  public mutating func put<Key, Value>(
    _ table: StoreTable<Key, Value>, _ key: Key, _ value: Value,
    under subjectKey: SealingKey? = nil
  ) throws {
    try put(table.fullKey(key), value.encodeValue(), tableID: table.id, under: subjectKey)
  }

  @usableFromInline
  func put(
    _ fullKey: [UInt8], _ value: [UInt8], tableID: UInt16, under subjectKey: SealingKey?
  ) throws(StoreError) {
    _ = try view.catalog.database(id: tableID)
    try pending.append { encoded throws(StoreError) in
      try ChangeCoding.append(putOf: fullKey, to: &encoded) { encoded throws(StoreError) in
        try view.catalog.seal(value, fullKey: fullKey, under: subjectKey, into: &encoded)
      }
    }
  }

  /// Appends changes that are in the journal's form already.
  mutating func append(encoded changes: [UInt8]) throws(StoreError) {
    try pending.append { encoded throws(StoreError) in encoded.append(contentsOf: changes) }
  }

  /// Removes the row `key`; does nothing when there is none.
  public mutating func delete<Key, Value>(_ table: StoreTable<Key, Value>, _ key: Key) throws {
    _ = try view.catalog.database(table)
    let fullKey = try table.fullKey(key)
    try pending.append { encoded throws(StoreError) in
      ChangeCoding.append(removalOf: fullKey, to: &encoded)
    }
  }

  /// Removes the rows of a range and tells how many there were. The range must be a small one:
  /// all of it is one transaction.
  @discardableResult
  public mutating func delete<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key>
  ) throws -> Int {
    let keys = try keys(table, range)
    for key in keys { try delete(table, key) }
    return keys.count
  }

  // MARK: - Reading

  @inlinable
  public func get<Key, Value>(
    _ table: StoreTable<Key, Value>, _ key: Key, under subjectKey: SealingKey?
  ) throws -> Value? {
    let bytes = try view.bytes(table.fullKey(key), table: table.name, under: subjectKey)
    guard let bytes else { return nil }
    return try Value(storedValue: bytes)
  }

  @inlinable
  public func contains<Key, Value>(_ table: StoreTable<Key, Value>, _ key: Key) throws -> Bool {
    try view.contains(table.fullKey(key))
  }

  public func scan<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key>, reverse: Bool, limit: Int,
    subjectKey: (Key) throws -> SealingKey?, _ body: (Key, Value) throws -> ScanStep
  ) throws {
    try view.scan(table, range, reverse: reverse, limit: limit, subjectKey: subjectKey, body)
  }

  public func scanKeys<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key>, reverse: Bool, limit: Int,
    _ body: (Key) throws -> ScanStep
  ) throws {
    try view.scanKeys(table, range, reverse: reverse, limit: limit, body)
  }
}
