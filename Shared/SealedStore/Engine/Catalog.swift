internal import Cryptography

/// The tables of a store and the keys that open their rows.
final class Catalog: Sendable {
  let keys: SealingKeyRing
  let tables: [any StoreTableDescribing]
  /// Each table's number with its database, by number: a few dozen, from all over the range.
  private let databases: [(id: UInt16, database: UInt32)]

  init(
    keys: SealingKeyRing, tables: [any StoreTableDescribing], databases: [UInt16: UInt32]
  ) {
    self.keys = keys
    self.tables = tables
    self.databases = databases.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  private init(
    keys: SealingKeyRing, tables: [any StoreTableDescribing],
    databases: [(id: UInt16, database: UInt32)]
  ) {
    self.keys = keys
    self.tables = tables
    self.databases = databases
  }

  /// The same tables under other keys.
  func with(_ keys: SealingKeyRing) -> Catalog {
    Catalog(keys: keys, tables: tables, databases: databases)
  }

  /// The number of the table's database in the tables' file.
  func database(_ table: some StoreTableDescribing) throws(StoreError) -> UInt32 {
    try database(id: table.id)
  }

  func database(id: UInt16) throws(StoreError) -> UInt32 {
    var (low, high) = (0, databases.count)
    while low < high {
      let middle = (low + high) / 2
      if databases[middle].id < id { low = middle + 1 } else { high = middle }
    }
    guard low < databases.count, databases[low].id == id else { throw .unknownTable(id) }
    return databases[low].database
  }

  /// Seals `value` for the place `fullKey`, onto the end of `bytes`.
  func seal(
    _ value: [UInt8], fullKey: [UInt8], under subjectKey: SealingKey?, into bytes: inout [UInt8]
  ) throws(StoreError) {
    if let subjectKey, subjectKey.id != .subject { throw .notASubjectKey(subjectKey.id) }
    guard value.count <= StoreLimits.valueByteCountMax else {
      throw .valueTooLarge(byteCount: value.count, limit: StoreLimits.valueByteCountMax)
    }
    do {
      try unsafe value.withUnsafeBytes { plaintext in
        try unsafe fullKey.withUnsafeBytes { place in
          try unsafe (subjectKey ?? keys.current).seal(
            plaintext, associatedData: place, into: &bytes)
        }
      }
    } catch {
      throw .inputOutput("a value cannot be sealed")
    }
  }

  /// Opens a value. `subjectKey` is asked only for rows that are sealed with a person's key; when
  /// it answers `nil` the row stays closed and the result is `nil`.
  func open(
    _ sealed: UnsafeRawBufferPointer, fullKey: UnsafeRawBufferPointer, table: String,
    subjectKey: () throws -> SealingKey?
  ) throws -> [UInt8]? {
    guard let id = try? unsafe SealingKey.keyID(of: sealed) else {
      throw StoreError.unreadable(table: table)
    }
    let key: SealingKey
    if id == .subject {
      guard let given = try subjectKey() else { return nil }
      guard given.id == .subject else { throw StoreError.notASubjectKey(given.id) }
      key = given
    } else {
      guard let known = keys.key(id) else { throw StoreError.unknownKey(id) }
      key = known
    }
    do {
      return try unsafe key.open(sealed, associatedData: fullKey)
    } catch {
      throw StoreError.unreadable(table: table)
    }
  }
}
