internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Sealing a store under a new key")
struct ResealTests {
  private static let old = KeyID(rawValue: 1)
  private static let new = KeyID(rawValue: 2)

  /// The key of `keyRing()` and a newer one, which is current.
  private func bothKeys() throws -> SealingKeyRing {
    try keyRing(seed: 2, id: 2, retired: [sealingKey(seed: 1, id: Self.old)])
  }

  private func newKey() throws -> SealingKeyRing { try keyRing(seed: 2, id: 2) }

  private func fill(_ store: SealedStore, _ numbers: Range<UInt64>) async throws {
    for first in stride(from: numbers.lowerBound, to: numbers.upperBound, by: 500) {
      try await store.write { transaction in
        for number in first..<min(first + 500, numbers.upperBound) {
          try transaction.put(Tables.numbers, number, [UInt8(number % 251)])
        }
      }
    }
  }

  private func expectAll(_ store: SealedStore, _ count: UInt64) throws {
    let rows = try store.read { try $0.rows(Tables.numbers) }
    #expect(rows.map(\.key) == Array(0..<count))
    #expect(rows.allSatisfy { $0.value == [UInt8($0.key % 251)] })
  }

  private func waitUntilDone(_ store: SealedStore) async throws {
    while true {
      let progress = try store.resealProgress()
      if let failure = progress.failure { throw failure }
      if progress.state == .done { return }
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  @Test("everything is under the new key in the end, people's rows stay, and the old one may go")
  func wholeWay() async throws {
    try await withStore { store, directory in
      let person = try subjectKey(seed: 9)
      try await fill(store, 0..<5_000)
      try await store.write { transaction in
        try transaction.put(Tables.notes, "mine", "note", under: person)
        try transaction.put(Tables.notes, "gone", "note")
      }
      try await store.write { try $0.delete(Tables.notes, "gone") }
      let sequence = store.lastSequence
      #expect(throws: StoreError.keyIsCurrent(Self.old)) { _ = try store.proveUnused(Self.old) }

      try await store.adopt(bothKeys())
      #expect(try store.currentKeyID == Self.new)
      // 5,000 rows and a key check; the journal has each row and the note that is gone.
      #expect(throws: StoreError.keyInUse(Self.old, valueCount: 10_002)) {
        _ = try store.proveUnused(Self.old)
      }
      try store.startResealing()
      try await waitUntilDone(store)
      #expect(try store.resealProgress().resealedCount == 10_002)
      #expect(store.lastSequence == sequence, "no change is recorded")

      let usage = try store.keyUsage()
      #expect(usage.rowCountByKey == [Self.new: 5_000, .subject: 1])
      #expect(usage.journalCountByKey == [Self.new: 5_001, .subject: 1])
      #expect(usage.keyCheckID == Self.new)
      let proof = try store.proveUnused(Self.old)
      #expect(proof.sequence == sequence.value)
      try await store.drop(proof, keys: newKey())
      try expectAll(store, 5_000)
      #expect(try store.read { try $0.get(Tables.notes, "mine", under: person) } == "note")
      #expect(try store.verify().isWhole)
      #expect(try store.journalEntries(after: .zero, limit: 100).count == 12)

      store.close()
      let again = try openStore(directory, keys: newKey())
      defer { again.close() }
      try expectAll(again, 5_000)
      #expect(try again.resealProgress().state == .done)
      #expect(try again.verify().isWhole)
    }
  }

  @Test("rows that are written and removed meanwhile keep what was written last")
  func beside() async throws {
    try await withStore { store, _ in
      try await fill(store, 0..<3_000)
      try await store.adopt(bothKeys())
      try store.startResealing(ResealPace(valuesPerSecondMax: 20_000))
      var round: UInt8 = 0
      while try store.resealProgress().state == .running {
        round &+= 1
        let value = round
        try await store.write { transaction in
          for number in UInt64(0)..<20 {
            try transaction.put(Tables.numbers, number * 150, [value])
            try transaction.delete(Tables.numbers, number * 150 + 1)
          }
        }
      }
      let (last, rows) = (round, try store.read { try $0.rows(Tables.numbers) })
      #expect(rows.count == 2_980)
      #expect(rows.filter { $0.key.isMultiple(of: 150) }.allSatisfy { $0.value == [last] })
      #expect(rows.filter { $0.key % 150 > 1 }.allSatisfy { $0.value == [UInt8($0.key % 251)] })
      #expect(try store.verify().isWhole)
      _ = try store.proveUnused(Self.old)
    }
  }

  @Test("a job that is paused goes on where it was, in another process too")
  func pausing() async throws {
    try await withTemporaryDirectory { directory in
      let store = try openStore(directory)
      try await fill(store, 0..<4_000)
      try await store.adopt(bothKeys())
      #expect(throws: StoreError.noReseal) { try store.pauseResealing() }
      try store.startResealing(ResealPace(valuesPerSecondMax: 2_000))
      #expect(throws: StoreError.resealRuns) { try store.startResealing() }
      while try store.resealProgress().resealedCount < 400 {
        try await Task.sleep(for: .milliseconds(1))
      }
      try store.pauseResealing()
      let paused = try store.resealProgress()
      #expect(paused.state == .paused)
      #expect(paused.valueCount == 8_001 && paused.remainingCount > 0)
      #expect(paused.secondsLeft == nil)
      store.close()

      let again = try openStore(directory, keys: bothKeys())
      #expect(try again.resealProgress().state == .paused)
      #expect(try again.resumeInterruptedResealing() == false, "it was told to wait")
      try again.startResealing()
      try await waitUntilDone(again)
      #expect(try again.resealProgress().resealedCount == paused.remainingCount)
      again.close()
    }
  }

  @Test("a store that is closed under the job is taken up by the next process")
  func interrupted() async throws {
    try await withTemporaryDirectory { directory in
      let store = try openStore(directory)
      try await fill(store, 0..<4_000)
      try await store.adopt(bothKeys())
      try store.startResealing(ResealPace(valuesPerSecondMax: 2_000))
      while try store.resealProgress().resealedCount < 400 {
        try await Task.sleep(for: .milliseconds(1))
      }
      store.close()
      let again = try openStore(directory, keys: bothKeys())
      defer { again.close() }
      #expect(try again.resealProgress().state == .interrupted)
      #expect(try again.resumeInterruptedResealing())
      try await waitUntilDone(again)
      try expectAll(again, 4_000)
      _ = try again.proveUnused(Self.old)
    }
  }

  @Test("a second new key makes the walk begin again")
  func twice() async throws {
    try await withStore { store, _ in
      try await fill(store, 0..<1_000)
      try await store.adopt(bothKeys())
      try store.startResealing()
      try await waitUntilDone(store)
      try await store.adopt(
        keyRing(
          seed: 3, id: 3,
          retired: [sealingKey(seed: 1, id: Self.old), sealingKey(seed: 2, id: Self.new)]))
      try store.startResealing()
      try await waitUntilDone(store)
      #expect(try store.keyUsage().valueCount { $0.rawValue == 3 } == 2_001)
      _ = try store.proveUnused(Self.old)
      _ = try store.proveUnused(Self.new)
    }
  }

  @Test("keys that do not open what the store's do are refused, and so is the loss of one")
  func otherKeys() async throws {
    try await withStore { store, _ in
      try await fill(store, 0..<10)
      await #expect(throws: StoreError.wrongKey) { try await store.adopt(newKey()) }
      await #expect(throws: StoreError.wrongKey) {
        try await store.adopt(
          keyRing(seed: 2, id: 2, retired: [sealingKey(seed: 7, id: Self.old)]))
      }
      #expect(try store.currentKeyID == Self.old)
      try expectAll(store, 10)
      try await store.adopt(bothKeys())
      try store.startResealing()
      try await waitUntilDone(store)
      await #expect(throws: StoreError.keyIsCurrent(Self.old)) {
        let proof = try store.proveUnused(Self.old)
        try await store.drop(proof, keys: bothKeys())
      }
      await #expect(throws: StoreError.wrongKey) {
        let proof = try store.proveUnused(Self.old)
        try await store.drop(proof, keys: keyRing(seed: 3, id: 2))
      }
    }
  }

  @Test("a pace is within its bounds", arguments: [(0, 1), (1, 1), (10_000_001, 10_000_000)])
  func paces(wanted: Int, given: Int) {
    #expect(ResealPace(valuesPerSecondMax: wanted).valuesPerSecondMax == given)
  }

  @Test("a store without rows is done at once")
  func empty() async throws {
    try await withStore { store, _ in
      #expect(try store.resealProgress().state == .none)
      try await store.adopt(bothKeys())
      try store.startResealing()
      try await waitUntilDone(store)
      _ = try store.proveUnused(Self.old)
    }
  }

  @Test("what was sealed under the old key is on no page of a compacted store any more")
  func compaction() async throws {
    try await withTemporaryDirectory { directory in
      let store = try openStore(directory)
      try await fill(store, 0..<3_000)
      try await waitUntilApplied(store)
      let old = try firstBytes(of: directory)
      try await store.adopt(bothKeys())
      try store.startResealing()
      try await waitUntilDone(store)
      let position = store.lastSequence
      #expect(try store.cutJournal() == position)
      try expectAll(store, 3_000)
      #expect(throws: StoreError.alreadyOpen(directory.path)) {
        _ = try SealedStore.compact(at: directory)
      }
      store.close()
      #expect(try pagesHold(old, directory), "without compaction old pages stay")
      let byteCounts = try SealedStore.compact(at: directory)
      #expect(byteCounts.after < byteCounts.before)
      #expect(try !pagesHold(old, directory))
      _ = try SealedStore.compact(at: directory)

      let again = try openStore(directory, keys: newKey())
      defer { again.close() }
      try expectAll(again, 3_000)
      #expect(again.lastSequence == position)
      try await fill(again, 3_000..<3_100)
      try expectAll(again, 3_100)
      #expect(try again.verify().isWhole)
      #expect(throws: StoreError.self) {
        _ = try SealedStore.compact(at: directory.appending(path: "nothing"))
      }
    }
  }

  /// The sealed values of some rows, as they stand in the tables' file: what follows a key.
  private func firstBytes(of directory: URL) throws -> [Data] {
    let file = try Data(contentsOf: directory.appending(path: "tables/data.mdb"))
    return try [UInt64(7), 1_500, 2_900].map { number in
      let key = Data(withUnsafeBytes(of: number.bigEndian) { Array($0) })
      let sealedHead = key + Data([1, 0, 0, 0, 1])
      let range = try #require(file.range(of: sealedHead))
      return file[range.lowerBound..<range.upperBound + 20]
    }
  }

  private func pagesHold(_ values: [Data], _ directory: URL) throws -> Bool {
    let files = try ["tables/data.mdb", "journal/data.mdb"].map {
      try Data(contentsOf: directory.appending(path: $0))
    }
    return values.contains { value in files.contains { $0.range(of: value) != nil } }
  }

  @Test(
    "on a full disk the job waits and says why, reads go on, and it ends once there is room",
    .enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted here"))
  func fullDisk() async throws {
    try await withTemporaryDirectory { directory in
      try SmallDisk.mount(at: directory, mebibytes: 64)
      defer { SmallDisk.unmount(directory) }
      let store = try openStore(directory.appending(path: "store"))
      defer { store.close() }
      try await fill(store, 0..<20_000)
      try await waitUntilApplied(store)
      try await store.adopt(bothKeys())
      let filler = directory.appending(path: "filler")
      let free = try #require(
        try FileManager.default.attributesOfFileSystem(forPath: directory.path)[.systemFreeSize]
          as? NSNumber)
      try Data(count: free.intValue).write(to: filler)
      try store.startResealing()
      while try store.resealProgress().failure == nil {
        try await Task.sleep(for: .milliseconds(2))
      }
      guard case .diskFull = try store.resealProgress().failure else {
        Issue.record("\(String(describing: try store.resealProgress().failure))")
        return
      }
      try expectAll(store, 20_000)
      try FileManager.default.removeItem(at: filler)
      while try store.resealProgress().state != .done {
        try await Task.sleep(for: .milliseconds(5))
      }
      try expectAll(store, 20_000)
      #expect(try store.verify().isWhole)
      _ = try store.proveUnused(Self.old)
    }
  }
}
