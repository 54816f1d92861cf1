internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Keys of tables")
struct KeyTests {
  @Test("numbers sort as numbers")
  func numbers() async throws {
    let signed = StoreTable<Int64, EmptyValue>("signed", id: 10)
    let values: [Int64] = [.min, -65_536, -1, 0, 1, 255, 256, .max]
    try await expectSorted(signed, values)
    let unsigned = StoreTable<UInt16, EmptyValue>("unsigned", id: 11)
    try await expectSorted(unsigned, [0, 1, 255, 256, .max])
    let bytes = StoreTable<UInt8, EmptyValue>("bytes", id: 12)
    try await expectSorted(bytes, [0, 127, 128, 255])
    let times = StoreTable<Timestamp, EmptyValue>("times", id: 13)
    try await expectSorted(
      times, [-1, 0, 1, 1_768_048_496].map { Timestamp(seconds: $0) })
  }

  @Test("texts sort by their bytes, whatever they hold")
  func texts() async throws {
    let table = StoreTable<String, EmptyValue>("texts", id: 10)
    try await expectSorted(table, ["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "ab", "b", "é"])
  }

  @Test("a pair sorts by its first part, then by its second")
  func pairs() async throws {
    let table = StoreTable<KeyPair<String, UInt32>, EmptyValue>("pairs", id: 10)
    try await expectSorted(
      table,
      [KeyPair("", 9), KeyPair("a", 0), KeyPair("a", 7), KeyPair("a\0", 1), KeyPair("ab", 0)])
    let triples = StoreTable<KeyTriple<UInt8, String, Int64>, EmptyValue>("triples", id: 11)
    try await expectSorted(
      triples,
      [KeyTriple(1, "a", 5), KeyTriple(1, "b", -5), KeyTriple(1, "b", 5), KeyTriple(2, "", 0)])
  }

  @Test("identifiers come back as they were", arguments: 0..<8)
  func identifiers(seed: UInt64) async throws {
    let random = SeededRandom(seed: seed)
    let time = Timestamp(microseconds: Int64(random.word() >> 20))
    let table = StoreTable<KeyTriple<PseudonymousID, ConsentID, LogSequenceNumber>, EmptyValue>(
      "identifiers", id: 10)
    let key = KeyTriple(
      try pid(seed), ConsentID(at: time, random: random), LogSequenceNumber(random.word()))
    try await expectSorted(table, [key])
    let scopes = StoreTable<KeyPair<Scope, ULID>, EmptyValue>("scopes", id: 11)
    let scope = try #require(Scope("product_recs"))
    try await expectSorted(scopes, [KeyPair(scope, ULID(at: time, random: random))])
  }

  @Test("a prefix takes every key that begins with it and no other")
  func prefixes() async throws {
    try await withStore { store, _ in
      let names = ["a", "aa", "b", "b\u{ff}", "c"]
      try await store.write { transaction in
        for name in names {
          for number in UInt32(0)..<3 {
            try transaction.put(Tables.index, KeyPair(name, number), EmptyValue())
          }
        }
      }
      for name in names {
        let keys = try store.read { try $0.keys(Tables.index, .prefix(name)) }
        #expect(keys == (0..<3).map { KeyPair(name, $0) })
        let back = try store.read { try $0.keys(Tables.index, .prefix(name), reverse: true) }
        #expect(back == keys.reversed())
      }
    }
  }

  @Test("a prefix of nothing but 255 reaches the end of the table")
  func lastPrefix() async throws {
    try await withStore { store, _ in
      let last = UInt64.max
      try await store.write { transaction in
        try transaction.put(Tables.numbers, last, [1])
        try transaction.put(Tables.index, KeyPair("next table", 1), EmptyValue())
      }
      for _ in 0..<2 {
        #expect(try store.read { try $0.keys(Tables.numbers, .prefix(last)) } == [last])
        #expect(try store.read { try $0.keys(Tables.numbers, .all, reverse: true) } == [last])
        try await waitUntilApplied(store)
      }
    }
  }

  @Test("ranges end where they say")
  func ranges() async throws {
    try await withStore { store, _ in
      try await store.write { transaction in
        for number in UInt64(0)..<10 { try transaction.put(Tables.numbers, number, []) }
      }
      func keys(_ range: KeyRange<UInt64>) throws -> [UInt64] {
        try store.read { try $0.keys(Tables.numbers, range) }
      }
      #expect(try keys(.all) == Array(0..<10))
      #expect(try keys(.from(UInt64(4))) == Array(4..<10))
      #expect(try keys(.below(UInt64(4))) == Array(0..<4))
      #expect(try keys(.after(4)) == Array(5..<10))
      #expect(try keys(.from(UInt64(2), below: UInt64(5))) == [2, 3, 4])
      #expect(try keys(.from(UInt64(2), through: UInt64(5))) == [2, 3, 4, 5])
      #expect(try keys(.from(UInt64(5), below: UInt64(2))) == [])
      #expect(try keys(.from(UInt64(2), through: UInt64(5)).after(3)) == [4, 5])
      #expect(try keys(.from(UInt64(2), through: UInt64(5)).after(0)) == [2, 3, 4, 5])
      #expect(try keys(.from(UInt64(2), through: UInt64(5)).below(4)) == [2, 3])
      #expect(try keys(.from(UInt64(2), through: UInt64(5)).below(9)) == [2, 3, 4, 5])
    }
  }

  @Test("a key of 511 bytes is taken, one of 512 refused")
  func longestKey() async throws {
    try await withStore { store, _ in
      let longest = String(repeating: "k", count: 509)
      try await store.write { try $0.put(Tables.notes, longest, "value") }
      #expect(try store.read { try $0.get(Tables.notes, longest) } == "value")
      let error = await #expect(throws: StoreError.self) {
        try await store.write { try $0.put(Tables.notes, longest + "k", "value") }
      }
      #expect(error == .keyTooLong(byteCount: 512, limit: 511))
      #expect(throws: StoreError.keyTooLong(byteCount: 512, limit: 511)) {
        try store.read { try $0.get(Tables.notes, longest + "k") }
      }
    }
  }

  @Test("bytes that are no key of the table are refused")
  func malformedKeys() async throws {
    try await withTemporaryDirectory { directory in
      let bytes = StoreTable<[UInt8], EmptyValue>("shared", id: 10)
      let numbers = StoreTable<UInt64, EmptyValue>("shared", id: 10)
      let names = StoreTable<Scope, EmptyValue>("shared", id: 10)
      let store = try openStore(directory, tables: [bytes])
      defer { store.close() }
      try await store.write { try $0.put(bytes, [0xFF, 0xFE], EmptyValue()) }
      #expect(throws: StoreError.malformedKey) { try store.read { try $0.keys(numbers) } }
      #expect(throws: StoreError.malformedKey) { try store.read { try $0.keys(names) } }
    }
  }

  /// Writes the keys in another order and expects them back in this one, from memory and from the
  /// tables.
  private func expectSorted<Key: StoreKey & Equatable>(
    _ table: StoreTable<Key, EmptyValue>, _ keys: [Key]
  ) async throws {
    try await withTemporaryDirectory { directory in
      let store = try openStore(directory, tables: [table])
      try await store.write { transaction in
        for key in keys.reversed() { try transaction.put(table, key, EmptyValue()) }
      }
      #expect(try store.read { try $0.keys(table) } == keys)
      #expect(try store.read { try $0.keys(table, reverse: true) } == keys.reversed())
      store.close()
      let again = try openStore(directory, tables: [table])
      #expect(try again.read { try $0.keys(table) } == keys)
      #expect(try again.read { try $0.keys(table, reverse: true) } == keys.reversed())
      again.close()
    }
  }
}
