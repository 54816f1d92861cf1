internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Opening a store")
struct OpeningTests {
  @Test("an open store cannot be opened again until it is closed")
  func alreadyOpen() async throws {
    try await withTemporaryDirectory { directory in
      let store = try openStore(directory)
      #expect(throws: StoreError.alreadyOpen(directory.path)) { try openStore(directory) }
      store.close()
      try openStore(directory).close()
    }
  }

  @Test("a closed store refuses everything and can be closed again")
  func closed() async throws {
    try await withStore { store, directory in
      store.close()
      store.close()
      #expect(throws: StoreError.closed) { try store.read { try $0.count(Tables.notes) } }
      #expect(throws: StoreError.closed) { try store.verify() }
      #expect(throws: StoreError.closed) { try store.statistics() }
      #expect(throws: StoreError.closed) { try store.journalEntries(after: .zero, limit: 1) }
      #expect(throws: StoreError.closed) { try store.backup(to: directory.appending(path: "b")) }
      await #expect(throws: StoreError.closed) {
        try await store.write { try $0.put(Tables.notes, "a", "b") }
      }
      await #expect(throws: StoreError.closed) { try await store.resumeWriting() }
    }
  }

  @Test("a store whose last reference goes in a transaction closes all the same")
  func droppedByTransaction() async throws {
    try await withTemporaryDirectory { directory in
      for _ in 0..<3 {
        let store = try await reopen(directory)
        async let written = store.write { transaction in
          _ = store.storeID
          try transaction.put(Tables.notes, "a", "b")
        }
        _ = try await written
      }
      let store = try await reopen(directory)
      #expect(try store.read { try $0.get(Tables.notes, "a") } == "b")
      store.close()
    }
  }

  /// Opens a store that may still be closing.
  private func reopen(_ directory: URL) async throws -> SealedStore {
    while true {
      do {
        return try openStore(directory)
      } catch StoreError.alreadyOpen {
        try await Task.sleep(for: .milliseconds(1))
      }
    }
  }

  @Test("the store of another service is refused")
  func otherService() async throws {
    try await withTemporaryDirectory { directory in
      try openStore(directory).close()
      let configuration = testConfiguration { $0.serviceName = "other" }
      #expect(throws: StoreError.otherService(found: "test", wanted: "other")) {
        try openStore(directory, configuration)
      }
    }
  }

  @Test("a table keeps its number")
  func tableMismatch() async throws {
    try await withTemporaryDirectory { directory in
      try openStore(directory).close()
      let moved = StoreTable<String, String>("notes", id: 9)
      #expect(throws: StoreError.tableMismatch(name: "notes", found: 1, wanted: 9)) {
        try openStore(directory, tables: [moved])
      }
    }
  }

  @Test("a table that the store was not opened with is refused")
  func unknownTable() async throws {
    try await withTemporaryDirectory { directory in
      let store = try openStore(directory, tables: [Tables.notes])
      defer { store.close() }
      #expect(throws: StoreError.unknownTable(3)) {
        try store.read { try $0.get(Tables.numbers, 1) }
      }
      await #expect(throws: StoreError.unknownTable(3)) {
        try await store.write { try $0.put(Tables.numbers, 1, []) }
      }
    }
  }

  @Test("a store of a newer format is refused and both formats are told")
  func newerFormat() async throws {
    try await withTemporaryDirectory { directory in
      let store = try openStore(directory)
      store.close()
      try patch(
        directory, "tables/data.mdb", find: [0, 0, 0, 1] + store.storeID,
        replace: [0, 0, 0, 2] + store.storeID)
      let error = StoreError.newerFormat(found: 2, supported: 1)
      #expect(throws: error) { try openStore(directory) }
      #expect(error.description.contains("format 2") && error.description.contains("up to 1"))
    }
  }

  @Test("a file that was cut short, or is none, is refused", arguments: ["tables", "journal"])
  func damagedFile(name: String) async throws {
    for damage in [[], [UInt8](repeating: 0x5A, count: 50_000)] as [[UInt8]] {
      try await withTemporaryDirectory { directory in
        let store = try openStore(directory)
        for number in UInt64(0)..<20 {
          try await store.write {
            try $0.put(Tables.numbers, number, [UInt8](repeating: 1, count: 3_000))
          }
        }
        store.close()
        let file = directory.appending(path: "\(name)/data.mdb")
        if damage.isEmpty {
          let handle = try FileHandle(forWritingTo: file)
          try handle.truncate(atOffset: 3 * 4_096)
          try handle.close()
        } else {
          try Data(damage).write(to: file)
        }
        let error = #expect(throws: StoreError.self) { try openStore(directory) }
        guard case .corrupted = error else {
          Issue.record("\(String(describing: error)) does not tell of damage")
          return
        }
      }
    }
  }

  @Test("a journal that is missing, or another store's, is refused")
  func wrongJournal() async throws {
    try await withTemporaryDirectory { parent in
      let (first, second) = (parent.appending(path: "1"), parent.appending(path: "2"))
      for directory in [first, second] {
        let store = try openStore(directory)
        try await store.write { try $0.put(Tables.notes, "a", "b") }
        store.close()
      }
      try FileManager.default.removeItem(at: first.appending(path: "journal"))
      #expect(throws: StoreError.corrupted("the journal is missing")) { try openStore(first) }
      try FileManager.default.removeItem(at: first.appending(path: "journal"))
      try FileManager.default.copyItem(
        at: second.appending(path: "journal"), to: first.appending(path: "journal"))
      #expect(throws: StoreError.corrupted("the journal belongs to another store than the tables"))
      {
        try openStore(first)
      }
    }
  }

  @Test("the directory and its files are for their owner only")
  func permissions() async throws {
    try await withTemporaryDirectory { parent in
      let directory = parent.appending(path: "store")
      try openStore(directory).close()
      func mode(_ path: String) throws -> Int? {
        let attributes = try FileManager.default.attributesOfItem(
          atPath: directory.appending(path: path).path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue
      }
      #expect(try mode("") == 0o700)
      #expect(try mode("tables") == 0o700)
      #expect(try mode("tables/data.mdb") == 0o600)
      #expect(try mode("journal/data.mdb") == 0o600)
    }
  }
}

/// Replaces every occurrence of some bytes in a file by as many others.
func patch(_ directory: URL, _ path: String, find: [UInt8], replace: [UInt8]) throws {
  let file = directory.appending(path: path)
  var data = try Data(contentsOf: file)
  var count = 0
  while let range = data.range(of: Data(find)), find != replace {
    data.replaceSubrange(range, with: replace)
    count += 1
  }
  try #require(count > 0)
  try data.write(to: file)
}
