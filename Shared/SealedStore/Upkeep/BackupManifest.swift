internal import Cryptography
internal import Foundation
internal import Glibc
internal import PrivacyCore

/// The file `manifest.json` of a backup: what it holds, and the digests that say it is whole.
struct BackupManifest: Codable, Equatable {
  static let currentFormat: UInt32 = 1
  static let fileName = "manifest.json"

  /// One file of the backup.
  struct File: Codable, Equatable {
    let path: String
    let byteCount: Int
    let sha256: String
  }

  /// The format of the backup itself.
  var format = currentFormat
  /// The format of the store in it.
  let storeFormat: UInt32
  /// The store's id, hexadecimal.
  let storeID: String
  let service: String
  /// The ids of the keys that the store was opened with.
  let keyIDs: [UInt32]
  /// The newest change in the backup.
  let sequence: UInt64
  let files: [File]

  /// The files of the store itself; behind them stand its companions.
  static let paths = [StoreFiles.tablesFolder, StoreFiles.journalFolder].map { $0 + "/data.mdb" }

  /// The file at `path` below `directory`, as it is there.
  static func file(_ path: String, in directory: URL) throws(StoreError) -> File {
    do {
      let handle = try FileHandle(forReadingFrom: directory.appending(path: path))
      defer { try? handle.close() }
      var digest = try SHA256()
      var byteCount = 0
      while let chunk = try handle.read(upToCount: 1 << 20), !chunk.isEmpty {
        byteCount += chunk.count
        try digest.update([UInt8](chunk))
      }
      return try File(
        path: path, byteCount: byteCount, sha256: Hexadecimal.encode(digest.finalize()))
    } catch {
      throw .badBackup("\(path) cannot be read")
    }
  }

  /// Reads a backup's manifest. The formats are looked at before anything else.
  init(in directory: URL) throws(StoreError) {
    let url = directory.appending(path: Self.fileName)
    guard let data = try? Data(contentsOf: url) else {
      throw .badBackup("\(Self.fileName) is missing: the backup was not completed")
    }
    struct Formats: Codable {
      let format: UInt32
      let storeFormat: UInt32
    }
    let decoder = JSONDecoder()
    guard let formats = try? decoder.decode(Formats.self, from: data) else {
      throw .badBackup("\(Self.fileName) cannot be read")
    }
    guard formats.format <= Self.currentFormat else {
      throw .newerFormat(found: formats.format, supported: Self.currentFormat)
    }
    guard formats.storeFormat <= StoreIdentity.currentFormat else {
      throw .newerFormat(found: formats.storeFormat, supported: StoreIdentity.currentFormat)
    }
    guard let manifest = try? decoder.decode(Self.self, from: data),
      manifest.files.prefix(Self.paths.count).map(\.path) == Self.paths,
      manifest.companions.allSatisfy(Self.isCompanionName)
    else { throw .badBackup("\(Self.fileName) cannot be read") }
    self = manifest
  }

  /// The names of the companions.
  var companions: [String] { files.dropFirst(Self.paths.count).map(\.path) }

  /// Whether a file of this name may stand beside a store: a plain name, and none of the store's.
  static func isCompanionName(_ name: String) -> Bool {
    !name.isEmpty && !name.hasPrefix(".") && !name.contains("/")
      && ![
        fileName, StoreFiles.tablesFolder, StoreFiles.journalFolder, StoreFiles.restoringMark,
        StoreFiles.restoringFolder, StoreLock.fileName,
      ].contains(name)
  }

  init(_ summary: StoreSummary, keyIDs: [KeyID], files: [File]) {
    storeFormat = summary.identity.format
    storeID = Hexadecimal.encode(summary.identity.storeID)
    service = summary.identity.serviceName
    self.keyIDs = keyIDs.map(\.rawValue)
    sequence = summary.lastSequence
    self.files = files
  }

  func write(to directory: URL) throws(StoreError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      let data = try encoder.encode(self)
      try data.write(to: directory.appending(path: Self.fileName), options: .atomic)
    } catch {
      throw .inputOutput("\(Self.fileName) cannot be written")
    }
    try synchronize(directory.appending(path: Self.fileName))
    try synchronize(directory)
  }
}

/// What a closed store says of itself: needs no keys.
struct StoreSummary {
  let identity: StoreIdentity
  let lastSequence: UInt64

  init(of directory: URL) throws(StoreError) {
    let tables = try Environment(
      "tables", at: directory.appending(path: StoreFiles.tablesFolder),
      mapByteCountMax: Self.mapByteCount, databaseCountMax: 4, readerCountMax: 1)
    defer { tables.close() }
    let journal = try Environment(
      "journal", at: directory.appending(path: StoreFiles.journalFolder),
      mapByteCountMax: Self.mapByteCount, databaseCountMax: 4, readerCountMax: 1)
    defer { journal.close() }
    (identity, lastSequence) = try Self.read(tables, journal)
  }

  static let mapByteCount = 1 << 40

  /// The transactions are dropped, not committed: nothing is changed.
  private static func read(
    _ tables: Environment, _ journal: Environment
  ) throws(StoreError) -> (StoreIdentity, UInt64) {
    let write = try tables.beginWrite()
    let meta = try write.database(StoreFiles.metaDatabase)
    guard let stored = unsafe try write.get(meta, MetaKey.identity) else {
      throw .corrupted("there is no store")
    }
    let identity = try unsafe StoreIdentity(stored)
    let applied = try write.applied(meta)
    let journalWrite = try journal.beginWrite()
    let entries = try journalWrite.database(StoreFiles.entriesDatabase)
    let last = unsafe try journalWrite.cursor(entries).last()
    return (identity, max(applied, unsafe last.map { unsafe BigEndianKey.number($0.key) } ?? 0))
  }
}

/// Waits until a file, or the entries of a directory, are on disk.
func synchronize(_ url: URL) throws(StoreError) {
  let file = unsafe Glibc.open(url.path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw .inputOutput("\(url.lastPathComponent) cannot be opened") }
  defer { Glibc.close(file) }
  guard fsync(file) == 0 else {
    throw errno == ENOSPC
      ? .diskFull(url.lastPathComponent)
      : .inputOutput("\(url.lastPathComponent) cannot be made durable")
  }
}
