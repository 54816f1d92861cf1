public import Cryptography
public import PrivacyCore

/// The store as of one position: every change up to it, none behind it, for as long as the body of
/// `SealedStore.read` runs. Keep that short: what a snapshot sees cannot be reused on disk.
public struct ReadSnapshot: ~Copyable, StoreReading {
  @usableFromInline let view: View

  /// The position of the newest change that the snapshot sees.
  public let sequence: LogSequenceNumber

  init(_ view: View) {
    self.view = view
    sequence = LogSequenceNumber(view.limit)
  }

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
