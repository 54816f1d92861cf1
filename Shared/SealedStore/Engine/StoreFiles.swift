internal import Cryptography
internal import Foundation
internal import PrivacyCore

/// The two opened files of a store, checked against each other and against the keys.
struct StoreFiles {
  let tables: Environment
  let journal: Journal
  let catalog: Catalog
  let meta: UInt32
  let identity: StoreIdentity

  static let tablesFolder = "tables"
  static let journalFolder = "journal"
  /// Stands in a directory while a backup is being restored into it.
  static let restoringMark = "RESTORING"
  /// Where the files of a backup are put before they replace anything.
  static let restoringFolder = "restoring"
  /// Holds 16 random bytes since the store was last restored from a backup.
  static let restoredMark = "RESTORED"

  /// The bytes that a restore left in `directory`; `nil` where the store was never restored.
  static func restoredHistory(in directory: URL) throws(StoreError) -> [UInt8]? {
    let file = directory.appending(path: restoredMark)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    guard let bytes = try? Data(contentsOf: file), bytes.count == StoreIdentity.storeIDByteCount
    else { throw .corrupted("\(restoredMark) cannot be read: restore the store again") }
    return Array(bytes)
  }

  static let entriesDatabase = "journal"
  // `@` is no character of a table's name.
  static let metaDatabase = "@meta"

  init(
    at directory: URL, keys: SealingKeyRing, tables described: [any StoreTableDescribing],
    configuration: StoreConfiguration, random: some RandomSource
  ) throws(StoreError) {
    let mark = directory.appending(path: Self.restoringMark).path
    guard !FileManager.default.fileExists(atPath: mark) else {
      throw .corrupted("a restore into this directory was cut off: run it again")
    }
    let tables = try Environment(
      "tables", at: directory.appending(path: Self.tablesFolder),
      mapByteCountMax: configuration.mapByteCountMax, databaseCountMax: described.count + 64,
      readerCountMax: configuration.readerCountMax)
    let journal = try Environment(
      "journal", at: directory.appending(path: Self.journalFolder),
      mapByteCountMax: configuration.mapByteCountMax, databaseCountMax: 4,
      readerCountMax: configuration.readerCountMax)

    let tablesWrite = try tables.beginWrite()
    let meta = try tablesWrite.database(Self.metaDatabase)
    let journalWrite = try journal.beginWrite()
    let journalMeta = try journalWrite.database(Self.metaDatabase)
    let entries = try journalWrite.database(Self.entriesDatabase)

    var identity: StoreIdentity
    if let stored = unsafe try tablesWrite.get(meta, MetaKey.identity) {
      identity = try unsafe StoreIdentity(stored)
      guard identity.serviceName == configuration.serviceName else {
        throw .otherService(found: identity.serviceName, wanted: configuration.serviceName)
      }
      if try identity.checkKeys(keys) {
        identity.keyCheck = try identity.sealedKeyCheck(keys)
        try tablesWrite.put(meta, MetaKey.identity, identity.encoded)
      }
    } else {
      identity = try StoreIdentity(
        serviceName: configuration.serviceName, keys: keys, random: random)
      try tablesWrite.put(meta, MetaKey.identity, identity.encoded)
    }
    let databases = try Self.databases(described, meta: meta, tablesWrite)
    let applied = try tablesWrite.applied(meta)

    if let storeID = unsafe try journalWrite.get(journalMeta, MetaKey.identity) {
      guard unsafe storeID.elementsEqual(identity.storeID) else {
        throw .corrupted("the journal belongs to another store than the tables")
      }
    } else {
      // Both files are made in one go; only a store that never took a change may lack one.
      guard applied == 0 else { throw .corrupted("the journal is missing") }
      try journalWrite.put(journalMeta, MetaKey.identity, identity.storeID)
    }
    try tablesWrite.commit()
    try journalWrite.commit()

    self.tables = tables
    self.journal = Journal(environment: journal, entries: entries, meta: journalMeta)
    self.meta = meta
    self.identity = identity
    catalog = Catalog(keys: keys, tables: described, databases: databases)
  }

  /// Opens the database of each table; a table keeps its number for ever.
  private static func databases(
    _ described: [any StoreTableDescribing], meta: UInt32, _ write: borrowing WriteHandle
  ) throws(StoreError) -> [UInt16: UInt32] {
    var databases: [UInt16: UInt32] = [:]
    for table in described {
      let key = MetaKey.number(ofTable: table.name)
      var writer = KeyWriter()
      writer.append(table.id)
      if let stored = unsafe try write.get(meta, key) {
        guard unsafe stored.elementsEqual(writer.bytes) else {
          let found = unsafe stored.reduce(UInt16(0)) { $0 << 8 | UInt16($1) }
          throw .tableMismatch(name: table.name, found: found, wanted: table.id)
        }
      } else {
        try write.put(meta, key, writer.bytes)
      }
      let isNew = databases.updateValue(try write.database(table.name), forKey: table.id) == nil
      precondition(isNew, "two tables with one number")
    }
    return databases
  }
}

/// The keys of the rows in which a store describes itself.
enum MetaKey {
  static let identity = Array("identity".utf8)
  static let applied = Array("applied".utf8)
  static let probe = Array("probe".utf8)
  static func number(ofTable name: String) -> [UInt8] { Array("table ".utf8) + name.utf8 }
}

extension WriteHandle {
  func get(_ database: UInt32, _ key: [UInt8]) throws(StoreError) -> UnsafeRawBufferPointer? {
    unsafe try key.span.withUnsafeBytes { key throws(StoreError) in
      unsafe try get(database, key)
    }
  }

  func put(_ database: UInt32, _ key: [UInt8], _ value: [UInt8]) throws(StoreError) {
    try unsafe key.span.withUnsafeBytes { key throws(StoreError) in
      try unsafe value.span.withUnsafeBytes { value throws(StoreError) in
        try unsafe put(database, key, value)
      }
    }
  }

  /// The newest change in the tables.
  func applied(_ meta: UInt32) throws(StoreError) -> UInt64 {
    guard let bytes = unsafe try get(meta, MetaKey.applied) else { return 0 }
    return unsafe BigEndianKey.number(bytes)
  }
}

extension ReaderHandle {
  /// The newest change in the tables.
  func applied(_ meta: UInt32) throws(StoreError) -> UInt64 {
    try remembered { () throws(StoreError) in
      try unsafe MetaKey.applied.span.withUnsafeBytes { key throws(StoreError) in
        guard let bytes = unsafe try get(meta, key) else { return 0 }
        return unsafe BigEndianKey.number(bytes)
      }
    }
  }
}
