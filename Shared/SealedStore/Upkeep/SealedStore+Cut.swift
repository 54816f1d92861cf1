public import Foundation
internal import Glibc
public import PrivacyCore

extension SealedStore {
  /// The most entries that one write transaction cuts: callers wait for it.
  private static let cutCountMax = 2_000

  /// Cuts the journal of the open store up to the newest change that the tables hold, whatever is to
  /// be retained, but for what a running backup needs and its newest entry. Answers where it begins.
  /// Whoever read the journal from an earlier position on finds it cut.
  public func cutJournal() throws(StoreError) -> LogSequenceNumber {
    let core = try core
    if let problem = waitForTables(core) { throw .inputOutput(problem) }
    let applied = core.overlay.withLock { overlay in
      overlay.journalPins.min().map { min($0, overlay.applied) } ?? overlay.applied
    }
    let environment = core.journal.environment
    // The newest entry says how far the store is.
    while applied > 1 {
      let transaction = try environment.beginWrite()
      let count = try core.journal.cut(transaction, through: applied - 1, count: Self.cutCountMax)
      try transaction.commit()
      if count < Self.cutCountMax { break }
    }
    let reader = try environment.acquireReader()
    defer { environment.release(reader) }
    return LogSequenceNumber(try core.journal.bounds(reader)?.lowerBound ?? 0)
  }

  /// Writes the files of a store that is not open anew, without the pages that are no longer in use
  /// and still hold what was there before. Needs room for the larger of the two files; opens nothing
  /// and needs no key. Cut off at any moment, the store is the same, and the next call begins again.
  ///
  /// A file that is replaced leaves its blocks to the file system: on flash they are erased when the
  /// device comes to it.
  ///
  /// - Returns: the bytes of both files before and after.
  /// - Throws: `alreadyOpen`, `corrupted` where no store is, `diskFull`.
  public static func compact(
    at directory: URL
  ) throws(StoreError) -> (before: Int, after: Int) {
    let files = FileManager.default
    for path in BackupManifest.paths {
      guard files.fileExists(atPath: directory.appending(path: path).path) else {
        throw .corrupted("there is no store in \(directory.path)")
      }
    }
    let lock = try StoreLock(directory)
    defer { withExtendedLifetime(lock) {} }
    let mark = directory.appending(path: StoreFiles.restoringMark).path
    guard !files.fileExists(atPath: mark) else {
      throw .corrupted("a restore into this directory was cut off: run it again")
    }
    // Refuses what is no whole store before anything is replaced.
    _ = try StoreSummary(of: directory)
    var (before, after) = (0, 0)
    for folder in [StoreFiles.tablesFolder, StoreFiles.journalFolder] {
      let (old, new) = try compactFile(folder, in: directory)
      before += old
      after += new
    }
    return (before, after)
  }

  /// Both files say the same after as before, so that each may be replaced by itself.
  private static func compactFile(
    _ folder: String, in directory: URL
  ) throws(StoreError) -> (before: Int, after: Int) {
    let place = directory.appending(path: folder)
    let fresh = directory.appending(path: "\(folder).compacting")
    let files = FileManager.default
    try? files.removeItem(at: fresh)
    let environment = try Environment(
      folder, at: place, mapByteCountMax: StoreSummary.mapByteCount, databaseCountMax: 4,
      readerCountMax: 1)
    do throws(StoreError) {
      defer { environment.close() }
      try environment.copy(to: fresh)
    } catch {
      try? files.removeItem(at: fresh)
      throw error
    }
    let (old, new) = (place.appending(path: "data.mdb"), fresh.appending(path: "data.mdb"))
    try? files.setAttributes([.posixPermissions: 0o600], ofItemAtPath: new.path)
    try synchronize(new)
    let counts = (fileByteCount(old) ?? 0, fileByteCount(new) ?? 0)
    guard unsafe rename(new.path, old.path) == 0 else {
      throw .inputOutput("the compact file of \(folder) cannot be put in place")
    }
    try synchronize(place)
    try? files.removeItem(at: fresh)
    return counts
  }
}
