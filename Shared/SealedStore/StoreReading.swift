public import Cryptography
public import PrivacyCore

/// What reads rows: a `ReadSnapshot` or a running `WriteTransaction`. A service's store functions
/// that take `borrowing some StoreReading & ~Copyable` serve both.
public protocol StoreReading: ~Copyable {
  /// The position that the reader stands at: a snapshot sees every change up to it; a write
  /// transaction commits as this position if it changes anything.
  var sequence: LogSequenceNumber { get }

  /// The value of `key`, or `nil`.
  ///
  /// - Parameter under: the person's key, for a row that was written under one.
  /// - Throws: `subjectKeyNeeded` when that key is missing, `unreadable` when it is another one.
  func get<Key, Value>(
    _ table: StoreTable<Key, Value>, _ key: Key, under subjectKey: SealingKey?
  ) throws -> Value?

  /// Whether there is a row with `key`. Opens nothing, so that it needs no person's key.
  func contains<Key, Value>(_ table: StoreTable<Key, Value>, _ key: Key) throws -> Bool

  /// Calls `body` with the rows of a range in the order of their keys.
  ///
  /// - Parameters:
  ///   - reverse: from the last to the first.
  ///   - limit: the most rows for which `body` may answer `next`.
  ///   - subjectKey: gives the person's key for a row that was written under one; is not asked for
  ///     other rows. A row for which it gives `nil` (the key is destroyed, the person's consent
  ///     does not cover it) is left out and does not count.
  func scan<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key>, reverse: Bool, limit: Int,
    subjectKey: (Key) throws -> SealingKey?, _ body: (Key, Value) throws -> ScanStep
  ) throws

  /// Calls `body` with the keys of a range in order. Opens nothing.
  func scanKeys<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key>, reverse: Bool, limit: Int,
    _ body: (Key) throws -> ScanStep
  ) throws
}

extension StoreReading where Self: ~Copyable {
  /// The value of `key`, or `nil`.
  public func get<Key, Value>(_ table: StoreTable<Key, Value>, _ key: Key) throws -> Value? {
    try get(table, key, under: nil)
  }

  /// Calls `body` with the rows of a range in the order of their keys; the rows that were written
  /// under a person's key are all opened with `subjectKey`.
  public func scan<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key> = .all, reverse: Bool = false,
    limit: Int = .max, under subjectKey: SealingKey? = nil,
    _ body: (Key, Value) throws -> ScanStep
  ) throws {
    try scan(
      table, range, reverse: reverse, limit: limit,
      subjectKey: { _ in
        guard let subjectKey else { throw StoreError.subjectKeyNeeded(table: table.name) }
        return subjectKey
      }, body)
  }

  /// The rows of a range in the order of their keys.
  public func rows<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key> = .all, reverse: Bool = false,
    limit: Int = .max, under subjectKey: SealingKey? = nil
  ) throws -> [(key: Key, value: Value)] {
    var rows: [(key: Key, value: Value)] = []
    try scan(table, range, reverse: reverse, limit: limit, under: subjectKey) { key, value in
      rows.append((key, value))
      return .next
    }
    return rows
  }

  /// The first row of a range, or with `reverse` the last.
  public func first<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key> = .all, reverse: Bool = false,
    under subjectKey: SealingKey? = nil
  ) throws -> (key: Key, value: Value)? {
    try rows(table, range, reverse: reverse, limit: 1, under: subjectKey).first
  }

  /// The keys of a range in order. Opens nothing.
  public func keys<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key> = .all, reverse: Bool = false,
    limit: Int = .max
  ) throws -> [Key] {
    var keys: [Key] = []
    try scanKeys(table, range, reverse: reverse, limit: limit) { key in
      keys.append(key)
      return .next
    }
    return keys
  }

  /// The number of rows in a range: a walk over all of them, which opens nothing.
  public func count<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key> = .all
  ) throws -> Int {
    var count = 0
    try scanKeys(table, range, reverse: false, limit: .max) { _ in
      count += 1
      return .next
    }
    return count
  }
}
