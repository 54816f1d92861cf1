internal import Cryptography
public import Foundation
internal import PrivacyCore

extension SealedStore {
  /// Writes a compact copy of the store into `directory`, which must be empty or not exist, while
  /// reads and writes go on. It holds every change acknowledged before the call. `manifest.json`
  /// is written last: without it a backup is not one.
  ///
  /// The backup is sealed as the store is.
  ///
  /// - Parameter companions: the names of files beside the store that it is of no use without, such
  ///   as its wrapped keys. They are copied after the store, so that keys in them are never older.
  public func backup(
    to directory: URL, companions: [String] = []
  ) throws(StoreError) {
    precondition(
      companions.allSatisfy(BackupManifest.isCompanionName), "companions are plain names of files")
    let core = try core
    let present = try? FileManager.default.contentsOfDirectory(atPath: directory.path)
    guard present?.isEmpty ?? true else {
      throw .badBackup("the directory \(directory.path) is not empty")
    }
    try makeDirectory(directory)
    let tables = directory.appending(path: StoreFiles.tablesFolder)
    let journal = directory.appending(path: StoreFiles.journalFolder)
    // The tables go first: the journal then holds everything they lack, as long as nothing behind
    // their position is cut meanwhile.
    let pin = core.overlay.withLock { overlay in
      overlay.journalPins.append(overlay.applied)
      return overlay.applied
    }
    defer {
      core.overlay.withLock { overlay in
        if let index = overlay.journalPins.firstIndex(of: pin) {
          overlay.journalPins.remove(at: index)
        }
      }
    }
    try core.tables.copy(to: tables)
    try core.journal.environment.copy(to: journal)

    for name in companions {
      try copy(core.directory.appending(path: name), to: directory.appending(path: name))
    }

    let summary = try StoreSummary(of: directory)
    var files: [BackupManifest.File] = []
    for path in BackupManifest.paths + companions {
      let file = directory.appending(path: path)
      chmodOwnerOnly(file)
      try synchronize(file)
      files.append(try BackupManifest.file(path, in: directory))
    }
    for folder in [tables, journal] {
      try? FileManager.default.removeItem(at: folder.appending(path: "lock.mdb"))
      try synchronize(folder)
    }
    try BackupManifest(summary, keyIDs: core.catalog.keys.ids, files: files).write(to: directory)
  }

  /// Puts the store of a backup into `directory`, in place of the one that may be there, and its
  /// companions beside it. Another file of a companion's name is kept as `<name>.before-restore`.
  ///
  /// The copies are checked against the manifest before anything is replaced. If the replacing
  /// itself is cut off, the store refuses to open until `restore` is run again.
  ///
  /// - Parameter force: also replace a store that is newer, another one, or unreadable.
  /// - Throws: `badBackup`, `newerFormat`, `newerStore`, `alreadyOpen`, `inputOutput`, `diskFull`.
  public static func restore(
    from backup: URL, to directory: URL, force: Bool = false
  ) throws(StoreError) {
    let manifest = try BackupManifest(in: backup)
    try makeDirectory(directory)
    let lock = try StoreLock(directory)
    defer { withExtendedLifetime(lock) {} }
    if !force { try checkReplaceable(directory, by: manifest) }

    let fresh = directory.appending(path: StoreFiles.restoringFolder)
    try? FileManager.default.removeItem(at: fresh)
    do throws(StoreError) {
      try copyFiles(manifest, from: backup, to: fresh)
    } catch {
      try? FileManager.default.removeItem(at: fresh)
      throw error
    }
    try replace(directory, with: fresh, companions: manifest.companions)
  }

  private static func checkReplaceable(
    _ directory: URL, by manifest: BackupManifest
  ) throws(StoreError) {
    let tables = directory.appending(path: BackupManifest.paths[0]).path
    let mark = directory.appending(path: StoreFiles.restoringMark).path
    let files = FileManager.default
    guard files.fileExists(atPath: tables), !files.fileExists(atPath: mark) else { return }
    let present: StoreSummary
    do throws(StoreError) {
      present = try StoreSummary(of: directory)
    } catch {
      throw .newerStore("what stands at the destination cannot be read (\(error))")
    }
    guard Hexadecimal.encode(present.identity.storeID) == manifest.storeID else {
      throw .newerStore("another store stands at the destination")
    }
    guard present.lastSequence <= manifest.sequence else {
      throw .newerStore(
        "the store holds changes up to \(present.lastSequence), the backup up to "
          + "\(manifest.sequence)")
    }
  }

  private static func copyFiles(
    _ manifest: BackupManifest, from backup: URL, to fresh: URL
  ) throws(StoreError) {
    for expected in manifest.files {
      let target = fresh.appending(path: expected.path)
      try makeDirectory(target.deletingLastPathComponent())
      try copy(backup.appending(path: expected.path), to: target)
      chmodOwnerOnly(target)
      try synchronize(target)
      guard try BackupManifest.file(expected.path, in: fresh) == expected else {
        throw .badBackup("\(expected.path) is not what the manifest says")
      }
    }
  }

  private static func replace(
    _ directory: URL, with fresh: URL, companions: [String]
  ) throws(StoreError) {
    let files = FileManager.default
    let mark = directory.appending(path: StoreFiles.restoringMark)
    guard files.createFile(atPath: mark.path, contents: nil) else {
      throw .inputOutput("\(StoreFiles.restoringMark) cannot be written")
    }
    try synchronize(directory)
    do {
      for folder in [StoreFiles.tablesFolder, StoreFiles.journalFolder] {
        let target = directory.appending(path: folder)
        if files.fileExists(atPath: target.path) { try files.removeItem(at: target) }
        try files.moveItem(at: fresh.appending(path: folder), to: target)
      }
      for name in companions {
        try replaceCompanion(
          directory.appending(path: name), with: fresh.appending(path: name), files)
      }
      try files.removeItem(at: fresh)
      let history = SystemRandom().bytes(count: StoreIdentity.storeIDByteCount)
      try Data(history).write(
        to: directory.appending(path: StoreFiles.restoredMark), options: .atomic)
    } catch {
      throw .inputOutput("the restored files cannot be put in place")
    }
    try synchronize(directory)
    try? files.removeItem(at: mark)
    try synchronize(directory)
  }
}

/// What stands at the place is kept: it may hold the only copy of a key.
private func replaceCompanion(_ file: URL, with fresh: URL, _ files: FileManager) throws {
  if files.fileExists(atPath: file.path) {
    guard !files.contentsEqual(atPath: file.path, andPath: fresh.path) else { return }
    var kept = URL(filePath: file.path + ".before-restore")
    var number = 1
    while files.fileExists(atPath: kept.path) {
      number += 1
      kept = URL(filePath: file.path + ".before-restore-\(number)")
    }
    try files.moveItem(at: file, to: kept)
  }
  try files.moveItem(at: fresh, to: file)
}

private func copy(_ file: URL, to target: URL) throws(StoreError) {
  do {
    try FileManager.default.copyItem(at: file, to: target)
  } catch {
    throw .badBackup("\(file.lastPathComponent) cannot be copied")
  }
}

private func chmodOwnerOnly(_ file: URL) {
  try? FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
}
