public import Cryptography

/// What a reader or a transaction sees: up to three layers of changes in memory above one
/// transaction of the tables. The first layer that knows a key decides.
///
/// `@safe`: made for the length of one call, inside which the transaction is open and the layers
/// are held.
@safe @usableFromInline struct View {
  let catalog: Catalog
  /// `nil` for a store in memory, which is all layers.
  let transaction: ReaderHandle?
  /// The changes of the running write transaction itself.
  let own: PendingChanges?
  let active: Memtable?
  let frozen: Memtable?
  let limit: UInt64

  /// The layers, newest first.
  func layers() -> [Memtable] {
    var layers: [Memtable] = []
    if let own = own?.indexed() { layers.append(own) }
    if let active { layers.append(active) }
    if let frozen { layers.append(frozen) }
    return layers
  }

  /// Calls `body` with the sealed value of a key and the key, without a value where there is none.
  private func withSealed<Result>(
    _ fullKey: [UInt8], _ body: (UnsafeRawBufferPointer?, UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    try unsafe fullKey.withUnsafeBytes { key in
      if let own, let result = try unsafe own.withChange(of: key, { try unsafe body($0, key) }) {
        return result
      }
      if let active, let change = unsafe active.find(key, limit: limit) {
        return try unsafe body(change.value, key)
      }
      if let frozen, let change = unsafe frozen.find(key, limit: limit) {
        return try unsafe body(change.value, key)
      }
      let tableID = unsafe UInt16(bigEndian: key.loadUnaligned(as: UInt16.self))
      let tableKey = unsafe UnsafeRawBufferPointer(rebasing: key.dropFirst(2))
      return try unsafe body(transaction?.get(catalog.database(id: tableID), tableKey), key)
    }
  }

  /// The opened value of a key, `nil` where there is none. Not generic, so that what is compiled
  /// once serves all tables without looking types up.
  @usableFromInline
  func bytes(_ fullKey: [UInt8], table: String, under subjectKey: SealingKey?) throws -> [UInt8]? {
    try unsafe withSealed(fullKey) { sealed, fullKey in
      guard let sealed = unsafe sealed else { return nil }
      return try unsafe catalog.open(sealed, fullKey: fullKey, table: table) {
        guard let subjectKey else { throw StoreError.subjectKeyNeeded(table: table) }
        return subjectKey
      }
    }
  }

  @usableFromInline
  func contains(_ fullKey: [UInt8]) throws -> Bool {
    try unsafe withSealed(fullKey) { sealed, _ in unsafe sealed != nil }
  }

  func scan<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key>, reverse: Bool, limit: Int,
    subjectKey: (Key) throws -> SealingKey?, _ body: (Key, Value) throws -> ScanStep
  ) throws {
    var fullKey: [UInt8] = []
    try unsafe walk(table, range, reverse: reverse, limit: limit) { tableKey, sealed in
      let key = try unsafe KeyReader.decode(Key.self, from: tableKey)
      fullKey.removeAll(keepingCapacity: true)
      fullKey.append(UInt8(truncatingIfNeeded: table.id >> 8))
      fullKey.append(UInt8(truncatingIfNeeded: table.id))
      unsafe fullKey.append(contentsOf: tableKey)
      let bytes = try unsafe fullKey.withUnsafeBytes {
        try unsafe catalog.open(sealed, fullKey: $0, table: table.name) { try subjectKey(key) }
      }
      guard let bytes else { return .skip }
      return try body(key, Value(storedValue: bytes))
    }
  }

  func scanKeys<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key>, reverse: Bool, limit: Int,
    _ body: (Key) throws -> ScanStep
  ) throws {
    try unsafe walk(table, range, reverse: reverse, limit: limit) { tableKey, _ in
      try body(unsafe KeyReader.decode(Key.self, from: tableKey))
    }
  }

  /// Calls `body` with each row of the range in order, newest version only, until it says stop or
  /// `limit` rows were not skipped.
  func walk<Key, Value>(
    _ table: StoreTable<Key, Value>, _ range: KeyRange<Key>, reverse: Bool, limit: Int,
    _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws -> ScanStep
  ) throws {
    let database = try catalog.database(table)
    let bounds = table.fullBounds(range)
    var taken = 0
    try unsafe bounds.lower.withUnsafeBytes { lower in
      try unsafe bounds.upper.withUnsafeBytes { upper in
        guard limit > 0, unsafe compareKeys(lower, upper) < 0 else { return }
        var walk = try unsafe MergedWalk(
          layers: layers(), limit: self.limit, cursor: transaction?.cursor(database),
          lower: lower, upper: upper, reverse: reverse)
        while let row = try unsafe walk.next() {
          switch try unsafe body(row.key, row.value) {
          case .next: taken += 1
          case .skip: break
          case .stop: return
          }
          if taken == limit { return }
        }
      }
    }
  }
}

/// What a scan does after a row.
public enum ScanStep: Sendable {
  /// Goes on.
  case next
  /// Goes on, and does not count the row against the scan's limit.
  case skip
  /// Ends the scan.
  case stop
}
