public import Cryptography
public import PrivacyCore

/// How many values of a store each key sealed: a walk over all of its tables and its journal.
public struct KeyUsage: Sendable {
  /// The newest change that was acknowledged before the walk began.
  public internal(set) var sequence = LogSequenceNumber.zero
  /// Rows of the tables, by key; `KeyID.subject` stands for all keys of people.
  public internal(set) var rowCountByKey: [KeyID: Int] = [:]
  /// Values in the journal's entries, by key.
  public internal(set) var journalCountByKey: [KeyID: Int] = [:]
  /// The key of the text that tells a wrong key when the store is opened.
  public internal(set) var keyCheckID: KeyID?

  /// How many values are sealed under keys of which `isMeant` says so.
  public func valueCount(_ isMeant: (KeyID) -> Bool) -> Int {
    let counts = [rowCountByKey, journalCountByKey].joined()
    return counts.reduce(keyCheckID.map(isMeant) == true ? 1 : 0) {
      isMeant($1.key) ? $0 + $1.value : $0
    }
  }
}

extension SealedStore {
  /// Counts the store's values by the keys that sealed them. Reads everything once and opens nothing;
  /// writes go on meanwhile. What is written during the walk is sealed under the current key.
  public func keyUsage() throws(StoreError) -> KeyUsage {
    let core = try core
    // Always goes to the end.
    return try core.keyUsage(while: { true }) ?? KeyUsage()
  }

  /// Proves that nothing in the store is sealed under the key `id`, by a walk over everything.
  ///
  /// The proof stays true as long as the store is open: what is sealed later is sealed under the
  /// current key, and a store that was restored from a backup begins with another opening.
  ///
  /// - Throws: `keyInUse` with the number of values that it still seals; `keyIsCurrent`.
  public func proveUnused(_ id: KeyID) throws(StoreError) -> UnusedKeyProof {
    let core = try core
    guard id != core.catalog.keys.current.id else { throw .keyIsCurrent(id) }
    // What memory holds comes into the tables yet; it must be there before they are looked at.
    if let problem = waitForTables(core) { throw .inputOutput(problem) }
    let usage = try keyUsage()
    let count = usage.valueCount { $0 == id }
    guard count == 0 else { throw .keyInUse(id, valueCount: count) }
    return UnusedKeyProof(keyID: id, storeID: storeID, sequence: usage.sequence.value)
  }
}

extension StoreCore {
  /// The most rows that one read transaction counts: what it sees cannot be reused on disk.
  private static let countedCountMax = 100_000

  /// Counts as long as `mayGoOn` says so; `nil` where it was stopped.
  func keyUsage(while mayGoOn: () -> Bool) throws(StoreError) -> KeyUsage? {
    var usage = KeyUsage()
    usage.sequence = LogSequenceNumber(overlay.withLock { $0.published })
    usage.keyCheckID = try keyCheckID()
    for table in catalog.tables {
      let database = try catalog.database(id: table.id)
      var place: [UInt8]? = []
      while let from = place {
        guard mayGoOn() else { return nil }
        place = try unsafe count(database, in: tables, after: from) { value throws(StoreError) in
          let id = try unsafe Self.keyID(of: value, table: table.name)
          usage.rowCountByKey[id, default: 0] += 1
        }
      }
    }
    var place: [UInt8]? = []
    while let from = place {
      guard mayGoOn() else { return nil }
      place = try unsafe count(journal.entries, in: journal.environment, after: from) {
        entry throws(StoreError) in
        try unsafe ChangeCoding.forEach(in: entry) { change throws(StoreError) in
          guard let value = unsafe change.value else { return }
          let id = try unsafe Self.keyID(of: value, table: "journal")
          usage.journalCountByKey[id, default: 0] += 1
        }
      }
    }
    return usage
  }

  /// Calls `body` with the values behind `key`; answers where to go on, `nil` at the end.
  private func count(
    _ database: UInt32, in environment: Environment, after key: [UInt8],
    _ body: (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) -> [UInt8]? {
    let reader = try environment.acquireReader()
    defer { environment.release(reader) }
    let cursor = try reader.cursor(database)
    var row = unsafe try key.span.withUnsafeBytes { key throws(StoreError) in
      unsafe try cursor.first(from: key)
    }
    if let first = unsafe row, !key.isEmpty, unsafe first.key.elementsEqual(key) {
      unsafe row = unsafe try cursor.next()
    }
    var count = 0
    while let current = unsafe row {
      try unsafe body(current.value)
      count += 1
      if count == Self.countedCountMax { return unsafe [UInt8](current.key) }
      unsafe row = unsafe try cursor.next()
    }
    return nil
  }

  private static func keyID(
    of sealed: UnsafeRawBufferPointer, table: String
  ) throws(StoreError) -> KeyID {
    do throws(CryptographyError) {
      return try unsafe SealingKey.keyID(of: sealed)
    } catch {
      throw .unreadable(table: table)
    }
  }

  private func keyCheckID() throws(StoreError) -> KeyID? {
    let reader = try tables.acquireReader()
    defer { tables.release(reader) }
    guard let stored = unsafe try reader.get(meta, MetaKey.identity) else { return nil }
    let keyCheck = try unsafe StoreIdentity(stored).keyCheck
    return try unsafe keyCheck.span.withUnsafeBytes { bytes throws(StoreError) in
      try unsafe Self.keyID(of: bytes, table: StoreFiles.metaDatabase)
    }
  }
}
