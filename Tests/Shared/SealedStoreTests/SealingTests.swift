internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Sealing of rows")
struct SealingTests {
  @Test("no value stands in the clear in any file of the store")
  func nothingInTheClear() async throws {
    try await withTemporaryDirectory { directory in
      let canary = "canary-7f3a9c-not-to-be-found"
      let store = try openStore(directory)
      let person = try subjectKey(seed: 9)
      try await store.write { transaction in
        try transaction.put(Tables.notes, "a", canary)
        try transaction.put(Tables.notes, "b", canary, under: person)
      }
      store.close()
      for path in ["tables/data.mdb", "journal/data.mdb"] {
        let data = try Data(contentsOf: directory.appending(path: path))
        #expect(data.range(of: Data(canary.utf8)) == nil)
      }
    }
  }

  @Test("a person's row opens with the person's key only", arguments: [false, true])
  func subjectRows(fromTables: Bool) async throws {
    try await withStore { store, _ in
      let (person, other) = (try subjectKey(seed: 9), try subjectKey(seed: 10))
      try await store.write { transaction in
        try transaction.put(Tables.notes, "a", "private", under: person)
        try #expect(transaction.get(Tables.notes, "a", under: person) == "private")
      }
      if fromTables { try await waitUntilApplied(store) }
      try store.read { snapshot in
        try #expect(snapshot.get(Tables.notes, "a", under: person) == "private")
        try #expect(snapshot.contains(Tables.notes, "a"))
        try #expect(snapshot.keys(Tables.notes) == ["a"])
        try #expect(snapshot.rows(Tables.notes, under: person).map(\.value) == ["private"])
        try expect(.subjectKeyNeeded(table: "notes")) { try snapshot.get(Tables.notes, "a") }
        try expect(.unreadable(table: "notes")) {
          try snapshot.get(Tables.notes, "a", under: other)
        }
        try expect(.notASubjectKey(KeyID(rawValue: 1))) {
          try snapshot.get(Tables.notes, "a", under: sealingKey(seed: 9, id: KeyID(rawValue: 1)))
        }
      }
    }
  }

  @Test("a scan over many people asks for each one's key and leaves out those without")
  func scanOverSubjects() async throws {
    try await withStore { store, _ in
      let people = try (UInt64(1)...4).map { try pid($0) }.sorted()
      let keys = try people.indices.map { try subjectKey(seed: UInt8(20 + $0)) }
      try await store.write { transaction in
        for (person, key) in zip(people, keys) {
          try transaction.put(Tables.events, KeyPair(person, 1), [1], under: key)
        }
      }
      var seen: [PseudonymousID] = []
      try store.read { snapshot in
        try snapshot.scan(
          Tables.events, .all, reverse: false, limit: 2,
          subjectKey: { key in
            key.first == people[1] ? nil : people.firstIndex(of: key.first).map { keys[$0] }
          },
          { key, _ in
            seen.append(key.first)
            return .next
          })
      }
      #expect(seen == [people[0], people[2]])
    }
  }

  @Test("a key that is not a person's cannot seal a person's row")
  func refusesOtherKeys() async throws {
    try await withStore { store, _ in
      let key = try sealingKey(seed: 3, id: KeyID(rawValue: 3))
      let error = await #expect(throws: StoreError.self) {
        try await store.write { try $0.put(Tables.notes, "a", "b", under: key) }
      }
      #expect(error == .notASubjectKey(KeyID(rawValue: 3)))
    }
  }

  @Test("another key is refused at once", arguments: [1, 2] as [UInt32])
  func wrongKey(id: UInt32) async throws {
    try await withTemporaryDirectory { directory in
      let store = try openStore(directory)
      try await store.write { try $0.put(Tables.notes, "a", "b") }
      store.close()
      let keys = try keyRing(seed: 2, id: id)
      #expect(throws: StoreError.wrongKey) { try openStore(directory, keys: keys) }
      try openStore(directory).close()
    }
  }

  @Test("after a rotation old rows open under the retired key, new ones under the current")
  func rotation() async throws {
    try await withTemporaryDirectory { directory in
      let store = try openStore(directory)
      try await store.write { try $0.put(Tables.notes, "old", "1") }
      store.close()

      let old = try sealingKey(seed: 1, id: KeyID(rawValue: 1))
      let rotated = try openStore(directory, keys: keyRing(seed: 2, id: 2, retired: [old]))
      try await rotated.write { try $0.put(Tables.notes, "new", "2") }
      try await waitUntilApplied(rotated)
      #expect(try rotated.read { try $0.rows(Tables.notes).map(\.value) } == ["2", "1"])
      let notes = try rotated.verify().tables[0]
      #expect(notes.rowCountByKey == [KeyID(rawValue: 1): 1, KeyID(rawValue: 2): 1])
      rotated.close()

      // The key check was renewed under the current key; the row that was not is named by its key.
      let without = try openStore(directory, keys: keyRing(seed: 2, id: 2))
      defer { without.close() }
      #expect(try without.read { try $0.get(Tables.notes, "new") } == "2")
      #expect(throws: StoreError.unknownKey(KeyID(rawValue: 1))) {
        try without.read { try $0.get(Tables.notes, "old") }
      }
    }
  }

  @Test("a value of 16 MiB is taken, one byte more refused")
  func largestValue() async throws {
    try await withStore { store, _ in
      let largest = [UInt8](repeating: 7, count: StoreLimits.valueByteCountMax)
      try await store.write { try $0.put(Tables.numbers, 1, largest) }
      #expect(try store.read { try $0.get(Tables.numbers, 1) } == largest)
      let error = await #expect(throws: StoreError.self) {
        try await store.write { try $0.put(Tables.numbers, 2, largest + [7]) }
      }
      #expect(
        error
          == .valueTooLarge(byteCount: largest.count + 1, limit: StoreLimits.valueByteCountMax))
    }
  }

  /// Inside a snapshot, which the test macros cannot capture.
  private func expect(
    _ expected: StoreError, _ body: () throws -> some Any,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    do {
      _ = try body()
      Issue.record("nothing was thrown", sourceLocation: location)
    } catch let error as StoreError {
      #expect(error == expected, sourceLocation: location)
    }
  }
}
