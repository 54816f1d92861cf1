internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Journal feed and integrity check")
struct UpkeepTests {
  @Test("the journal tells every change in order")
  func feed() async throws {
    try await withStore { store, _ in
      let person = try subjectKey(seed: 5)
      try await store.write { transaction in
        try transaction.put(Tables.notes, "a", "1")
        try transaction.put(Tables.numbers, 7, [7], under: person)
      }
      try await store.write { try $0.delete(Tables.notes, "a") }
      try await store.write { try $0.put(Tables.notes, "b", "2") }

      let entries = try store.journalEntries(after: .zero, limit: 10)
      #expect(entries.map(\.sequence.value) == [1, 2, 3])
      let first = entries[0].changes
      #expect(try first[0].key(in: Tables.notes) == "a")
      #expect(try first[0].value(in: Tables.notes) == "1")
      #expect(try first[0].key(in: Tables.numbers) == nil)
      #expect(try first[1].key(in: Tables.numbers) == 7)
      #expect(try first[1].value(in: Tables.numbers, under: person) == [7])
      #expect(throws: StoreError.subjectKeyNeeded(table: "numbers")) {
        try first[1].value(in: Tables.numbers)
      }
      #expect(throws: StoreError.unreadable(table: "numbers")) {
        try first[1].value(in: Tables.numbers, under: subjectKey(seed: 6))
      }
      #expect(entries[1].changes[0].content == .removed)
      #expect(try entries[1].changes[0].value(in: Tables.notes) == nil)

      #expect(
        try store.journalEntries(after: LogSequenceNumber(1), limit: 1).map(\.sequence.value) == [2]
      )
      #expect(try store.journalEntries(after: LogSequenceNumber(3), limit: 1).isEmpty)
      #expect(try store.journalEntries(after: LogSequenceNumber(9), limit: 1).isEmpty)
      #expect(try store.journalEntries(after: .zero, limit: 0).isEmpty)
    }
  }

  @Test("the journal is cut behind what is applied and retained, and says where it begins")
  func journalCut() async throws {
    try await withStore(testConfiguration { $0.journalRetentionCount = 5 }) { store, _ in
      for number in UInt64(1)...60 {
        try await store.write { try $0.put(Tables.numbers, number, []) }
        if number.isMultiple(of: 10) { try await waitUntilApplied(store) }
      }
      let error = #expect(throws: StoreError.self) {
        try store.journalEntries(after: .zero, limit: 1)
      }
      guard case .journalCut(let first) = error else {
        Issue.record("\(String(describing: error)) does not tell where the journal begins")
        return
      }
      #expect(first > LogSequenceNumber(1) && first <= LogSequenceNumber(56))
      let rest = try store.journalEntries(after: LogSequenceNumber(first.value - 1), limit: 100)
      #expect(rest.map(\.sequence.value) == Array(first.value...60))
    }
  }

  @Test("a changed value is refused and found by the check")
  func changedValue() async throws {
    try await withTemporaryDirectory { directory in
      let number: UInt64 = 0xABCD_EF01_2345_6789
      let store = try openStore(directory)
      try await store.write { transaction in
        try transaction.put(Tables.numbers, number, [UInt8](repeating: 3, count: 40))
        try transaction.put(Tables.numbers, 1, [1])
      }
      #expect(try store.verify().isWhole)
      store.close()

      let file = directory.appending(path: "tables/data.mdb")
      var data = try Data(contentsOf: file)
      let key = Data([0xAB, 0xCD, 0xEF, 0x01, 0x23, 0x45, 0x67, 0x89])
      let place = try #require(data.range(of: key, options: .backwards))
      data[place.upperBound + 30] ^= 1
      try data.write(to: file)

      let again = try openStore(directory)
      defer { again.close() }
      #expect(throws: StoreError.unreadable(table: "numbers")) {
        try again.read { try $0.get(Tables.numbers, number) }
      }
      #expect(try again.read { try $0.get(Tables.numbers, 1) } == [1])
      let report = try again.verify()
      #expect(report.problemCount == 1)
      #expect(report.problems == ["numbers: row 1 does not open"])
      #expect(report.tables.map(\.rowCount) == [0, 0, 2, 0])
    }
  }

  @Test("the check counts the rows of changes that were in the journal alone when it was called")
  func newestChanges() async throws {
    try await withStore(testConfiguration { $0.applyDelayMs = 20_000 }) { store, _ in
      try await store.write { try $0.put(Tables.notes, "a", "1") }
      #expect(try store.statistics().appliedSequence == .zero)
      let report = try store.verify()
      #expect(report.isWhole)
      #expect(report.tables.first { $0.name == "notes" }?.rowCount == 1)
      try await store.write { try $0.delete(Tables.notes, "a") }
      #expect(try store.verify().tables.first { $0.name == "notes" }?.rowCount == 0)
    }
  }

  @Test("the check counts rows by key and leaves persons' rows closed")
  func report() async throws {
    try await withStore { store, _ in
      try await store.write { transaction in
        try transaction.put(Tables.notes, "a", "1")
        try transaction.put(Tables.notes, "b", "2", under: subjectKey(seed: 1))
      }
      try await waitUntilApplied(store)
      let report = try store.verify()
      #expect(report.isWhole)
      #expect(report.tables[0].rowCount == 2)
      #expect(report.tables[0].subjectRowCount == 1)
      #expect(report.tables[0].rowCountByKey == [KeyID(rawValue: 1): 1])
      #expect(report.journal == 1...1)
    }
  }
}
