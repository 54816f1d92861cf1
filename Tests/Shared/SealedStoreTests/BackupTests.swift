internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Backup and restore")
struct BackupTests {
  @Test("a backup taken while writes go on holds every change acknowledged before it")
  func whileWriting() async throws {
    try await withTemporaryDirectory { parent in
      let backup = parent.appending(path: "backup")
      let store = try openStore(
        parent.appending(path: "store"), testConfiguration { $0.journalRetentionCount = 10 })
      defer { store.close() }
      let writer = Task {
        for number in UInt64(0)..<100_000 where !Task.isCancelled {
          try await store.write {
            try $0.put(Tables.numbers, number, [UInt8](repeating: 1, count: 50))
          }
        }
      }
      while store.lastSequence.value < 300 { try await Task.sleep(for: .milliseconds(1)) }
      let before = store.lastSequence
      try store.backup(to: backup)
      let after = store.lastSequence
      writer.cancel()
      try await writer.value

      let place = parent.appending(path: "restored")
      try SealedStore.restore(from: backup, to: place)
      let restored = try openStore(place)
      defer { restored.close() }
      #expect(restored.storeID == store.storeID)
      #expect((before...after).contains(restored.lastSequence))
      #expect(
        try restored.read { try $0.count(Tables.numbers) } == Int(restored.lastSequence.value))
      #expect(try restored.verify().isWhole)
      try await restored.write { try $0.put(Tables.numbers, .max, []) }
    }
  }

  @Test("restoring refuses to replace a newer store unless forced")
  func newerStore() async throws {
    try await withBackup { store, directory, backup in
      try SealedStore.restore(from: backup, to: directory)
      let newer = try openStore(directory)
      try await newer.write { try $0.put(Tables.notes, "a", "after") }
      newer.close()
      let error = #expect(throws: StoreError.self) {
        try SealedStore.restore(from: backup, to: directory)
      }
      guard case .newerStore = error else {
        Issue.record("\(String(describing: error)) does not tell of a newer store")
        return
      }
      try expectNote("after", directory)
      try SealedStore.restore(from: backup, to: directory, force: true)
      try expectNote("before", directory)
    }
  }

  @Test("restoring refuses to replace another store, or one in use")
  func otherStore() async throws {
    try await withBackup { _, directory, backup in
      let other = directory.appending(path: "other")
      let store = try openStore(other)
      #expect(throws: StoreError.alreadyOpen(other.path)) {
        try SealedStore.restore(from: backup, to: other, force: true)
      }
      store.close()
      #expect(throws: StoreError.newerStore("another store stands at the destination")) {
        try SealedStore.restore(from: backup, to: other)
      }
      try SealedStore.restore(from: backup, to: other, force: true)
      try expectNote("before", other)
    }
  }

  @Test(
    "a backup with a changed byte is refused and the store stays", arguments: ["tables", "journal"])
  func changedBackup(name: String) async throws {
    try await withBackup { _, directory, backup in
      let file = backup.appending(path: "\(name)/data.mdb")
      var data = try Data(contentsOf: file)
      data[data.count - 1] ^= 1
      try data.write(to: file)
      #expect(throws: StoreError.badBackup("\(name)/data.mdb is not what the manifest says")) {
        try SealedStore.restore(from: backup, to: directory)
      }
      try expectNote("before", directory)
    }
  }

  @Test("a backup without a manifest, or of a newer format, is refused")
  func manifests() async throws {
    try await withBackup { _, directory, backup in
      let file = backup.appending(path: "manifest.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      #expect(text.contains("\"service\" : \"test\"") && text.contains("\"sequence\" : 1"))

      let newer = text.replacing("\"storeFormat\" : 1", with: "\"storeFormat\" : 9")
      try Data(newer.utf8).write(to: file)
      #expect(throws: StoreError.newerFormat(found: 9, supported: 1)) {
        try SealedStore.restore(from: backup, to: directory)
      }
      let escaping = text.replacing("tables/data.mdb", with: "../data.mdb")
      for damaged in ["", "{}", "null", String(text.dropLast(20)), escaping] {
        try Data(damaged.utf8).write(to: file)
        #expect(throws: StoreError.badBackup("manifest.json cannot be read")) {
          try SealedStore.restore(from: backup, to: directory)
        }
      }
      try FileManager.default.removeItem(at: file)
      #expect(throws: StoreError.self) { try SealedStore.restore(from: backup, to: directory) }
      try expectNote("before", directory)
    }
  }

  @Test("companions are in the backup and restored beside the store, what stands there is kept")
  func companions() async throws {
    try await withTemporaryDirectory { parent in
      let directory = parent.appending(path: "store")
      let backup = parent.appending(path: "backup")
      let store = try openStore(directory)
      try await store.write { try $0.put(Tables.notes, "a", "before") }
      let keys = directory.appending(path: "keys.json")
      try Data("wrapped".utf8).write(to: keys)
      try store.backup(to: backup, companions: ["keys.json"])
      store.close()
      func text(_ file: URL) throws -> String { try String(contentsOf: file, encoding: .utf8) }

      let fresh = parent.appending(path: "fresh")
      try SealedStore.restore(from: backup, to: fresh)
      #expect(try text(fresh.appending(path: "keys.json")) == "wrapped")
      try expectNote("before", fresh)

      // The same file is left alone, another one is kept.
      try SealedStore.restore(from: backup, to: directory)
      #expect(try text(keys) == "wrapped")
      for number in 1...2 {
        try Data("other \(number)".utf8).write(to: keys)
        try SealedStore.restore(from: backup, to: directory)
        #expect(try text(keys) == "wrapped")
      }
      #expect(try text(directory.appending(path: "keys.json.before-restore")) == "other 1")
      #expect(try text(directory.appending(path: "keys.json.before-restore-2")) == "other 2")

      let copied = backup.appending(path: "keys.json")
      try Data("changed".utf8).write(to: copied)
      #expect(throws: StoreError.badBackup("keys.json is not what the manifest says")) {
        try SealedStore.restore(from: backup, to: directory)
      }
    }
  }

  @Test(
    "a companion that would stand outside the directory, or be a file of the store, is refused",
    arguments: ["../keys.json", "a/b", ".hidden", "LOCK", "manifest.json", "tables"])
  func companionNames(name: String) async throws {
    try await withTemporaryDirectory { parent in
      let directory = parent.appending(path: "store")
      let backup = parent.appending(path: "backup")
      let store = try openStore(directory)
      try await store.write { try $0.put(Tables.notes, "a", "before") }
      try Data("wrapped".utf8).write(to: directory.appending(path: "keys.json"))
      try store.backup(to: backup, companions: ["keys.json"])
      store.close()
      let manifest = backup.appending(path: "manifest.json")
      let text = try String(contentsOf: manifest, encoding: .utf8)
      try Data(text.replacing("\"keys.json\"", with: "\"\(name)\"").utf8).write(to: manifest)
      #expect(throws: StoreError.badBackup("manifest.json cannot be read")) {
        try SealedStore.restore(from: backup, to: parent.appending(path: "fresh"))
      }
    }
  }

  @Test("a backup whose companion is missing is none")
  func missingCompanion() async throws {
    try await withStore { store, directory in
      let backup = directory.appending(path: "backup")
      #expect(throws: StoreError.badBackup("keys.json cannot be copied")) {
        try store.backup(to: backup, companions: ["keys.json"])
      }
      #expect(throws: StoreError.self) {
        try SealedStore.restore(from: backup, to: directory.appending(path: "fresh"))
      }
    }
  }

  @Test("a backup goes into an empty directory only")
  func notEmpty() async throws {
    try await withStore { store, directory in
      _ = #expect(throws: StoreError.badBackup("the directory \(directory.path) is not empty")) {
        try store.backup(to: directory)
      }
    }
  }

  @Test("a store whose restore was cut off does not open until it is restored")
  func cutOff() async throws {
    try await withBackup { _, directory, backup in
      let mark = directory.appending(path: "RESTORING")
      #expect(FileManager.default.createFile(atPath: mark.path, contents: nil))
      let error = #expect(throws: StoreError.self) { try openStore(directory) }
      #expect(error?.description.contains("restore") == true)
      try SealedStore.restore(from: backup, to: directory)
      try expectNote("before", directory)
    }
  }

  /// A closed store with one row, and its backup.
  private func withBackup(_ body: (SealedStore, URL, URL) async throws -> Void) async throws {
    try await withTemporaryDirectory { parent in
      let directory = parent.appending(path: "store")
      let backup = parent.appending(path: "backup")
      let store = try openStore(directory)
      try await store.write { try $0.put(Tables.notes, "a", "before") }
      try store.backup(to: backup)
      store.close()
      try await body(store, directory, backup)
    }
  }

  private func expectNote(_ text: String, _ directory: URL) throws {
    let store = try openStore(directory)
    defer { store.close() }
    #expect(try store.read { try $0.get(Tables.notes, "a") } == text)
  }
}

@Suite("Histories of a store")
struct HistoryTests {
  @Test("have one id from start to start, and another after each restore")
  func restored() async throws {
    try await withTemporaryDirectory { parent in
      let place = parent.appending(path: "store")
      let backup = parent.appending(path: "backup")
      var seen: [[UInt8]] = []
      for round in 0..<2 {
        let store = try openStore(place)
        defer { store.close() }
        seen.append(store.historyID)
        if round == 0 { try store.backup(to: backup) }
      }
      #expect(seen[0] == seen[1])
      for _ in 0..<2 {
        try SealedStore.restore(from: backup, to: place, force: true)
        let store = try openStore(place)
        defer { store.close() }
        #expect(!seen.contains(store.historyID))
        seen.append(store.historyID)
      }
    }
  }
}
