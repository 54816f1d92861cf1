internal import Cryptography
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Rows that move to another key")
struct MovedRowsTests {
  private func fill(_ store: SealedStore, under key: SealingKey, count: UInt64 = 3) async throws {
    try await store.write { transaction in
      for number in 0..<count {
        try transaction.put(
          Tables.events, KeyPair(try pid(1), number), [UInt8(number)], under: key)
      }
    }
  }

  private func prepared(_ store: SealedStore, under key: SealingKey?) throws -> MovedRows {
    try store.read { snapshot in
      try snapshot.movedRows(Tables.events, from: try pid(1), to: try pid(2), under: key)
    }
  }

  @Test(
    "they stand under the other prefix, open with the same key, and are gone from the former one")
  func move() async throws {
    try await withStore { store, _ in
      let key = try subjectKey(seed: 9)
      try await fill(store, under: key)
      let rows = try prepared(store, under: key)
      #expect(rows.count == 3)
      let readiness = try await store.write { transaction in
        let readiness = try transaction.readiness(
          of: rows, Tables.events, from: try pid(1), to: try pid(2))
        try transaction.move(rows)
        return readiness
      }.value
      #expect(readiness == .ready)
      for isApplied in [false, true] {
        if isApplied { try await waitUntilApplied(store) }
        try store.read { snapshot in
          let moved = try snapshot.rows(Tables.events, .prefix(try pid(2)), under: key)
          #expect(moved.map(\.key.second) == [0, 1, 2])
          #expect(moved.map(\.value) == [[0], [1], [2]])
          #expect(try snapshot.keys(Tables.events, .prefix(try pid(1))).isEmpty)
        }
      }
    }
  }

  @Test(
    "what was changed, added or removed since is noticed",
    arguments: ["change", "same value", "add", "remove first", "remove last", "all"])
  func changed(what: String) async throws {
    try await withStore { store, _ in
      let key = try subjectKey(seed: 9)
      try await fill(store, under: key)
      let rows = try prepared(store, under: key)
      try await store.write { transaction in
        let person = try pid(1)
        switch what {
        case "change": try transaction.put(Tables.events, KeyPair(person, 1), [9], under: key)
        case "same value": try transaction.put(Tables.events, KeyPair(person, 1), [1], under: key)
        case "add": try transaction.put(Tables.events, KeyPair(person, 3), [3], under: key)
        case "remove first": try transaction.delete(Tables.events, KeyPair(person, 0))
        case "remove last": try transaction.delete(Tables.events, KeyPair(person, 2))
        default: try transaction.delete(Tables.events, .prefix(person))
        }
      }
      let readiness = try await store.write { transaction in
        try transaction.readiness(of: rows, Tables.events, from: try pid(1), to: try pid(2))
      }.value
      #expect(readiness == .changed)
    }
  }

  @Test("a place where something stands is not taken")
  func occupied() async throws {
    try await withStore { store, _ in
      let key = try subjectKey(seed: 9)
      try await fill(store, under: key)
      let rows = try prepared(store, under: key)
      let readiness = try await store.write { transaction in
        try transaction.put(Tables.events, KeyPair(try pid(2), 7), [7], under: key)
        return try transaction.readiness(
          of: rows, Tables.events, from: try pid(1), to: try pid(2))
      }.value
      #expect(readiness == .occupied)
    }
  }

  @Test("without rows nothing moves and no key is needed")
  func nothing() async throws {
    try await withStore { store, _ in
      let rows = try prepared(store, under: nil)
      #expect(rows.count == 0)
      let readiness = try await store.write { transaction in
        try transaction.move(rows)
        return try transaction.readiness(
          of: rows, Tables.events, from: try pid(1), to: try pid(2))
      }.value
      #expect(readiness == .ready)
    }
  }

  @Test("rows need their person's key, and are a person's")
  func keys() async throws {
    try await withStore { store, _ in
      try await fill(store, under: try subjectKey(seed: 9), count: 1)
      #expect(throws: StoreError.subjectKeyNeeded(table: "events")) {
        try prepared(store, under: nil)
      }
      #expect(throws: StoreError.unreadable(table: "events")) {
        try prepared(store, under: try subjectKey(seed: 10))
      }
      try await store.write { transaction in
        try transaction.put(Tables.events, KeyPair(try pid(1), 0), [1])
      }
      #expect(throws: StoreError.unreadable(table: "events")) {
        try prepared(store, under: try subjectKey(seed: 9))
      }
    }
  }
}
