internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Transactions that run while the ones before them are committed")
struct PipelineTests {
  @Test("each sees those before it: many callers count without a gap")
  func counting() async throws {
    let callerCount = UInt64(64)
    let turnCount = UInt64(20)
    try await withStore { store, _ in
      let seen = try await withThrowingTaskGroup(of: [UInt64].self) { group in
        for _ in 0..<callerCount {
          group.addTask {
            var seen: [UInt64] = []
            for _ in 0..<turnCount {
              let committed = try await store.write { transaction in
                let count = try transaction.get(Self.counts, "count") ?? 0
                try transaction.put(Self.counts, "count", count + 1)
                return count
              }
              // The position tells the order; each transaction of this store counts once.
              #expect(committed.sequence.value == committed.value + 1)
              seen.append(committed.value)
            }
            return seen
          }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(seen.sorted() == Array(0..<callerCount * turnCount))
      #expect(try store.read { try $0.get(Self.counts, "count") } == callerCount * turnCount)
    }
  }

  private static let counts = StoreTable<String, UInt64>("notes", id: 1)

  @Test(
    "random keys written by many at once stand in order, in memory and in the tables",
    arguments: [5, 60_000])
  func randomKeys(applyDelayMs: Int) async throws {
    let rowCount = UInt64(20_000)
    let configuration = testConfiguration { $0.applyDelayMs = applyDelayMs }
    try await withStore(configuration) { store, _ in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for first in 0..<UInt64(100) {
          group.addTask {
            for number in stride(from: first, to: rowCount, by: 100) {
              try await store.write {
                // Half of the people have an event before this one's number, half behind it.
                try $0.put(Tables.events, KeyPair(pid(number), number), [UInt8(number % 251)])
                try $0.put(Tables.events, KeyPair(pid(number), 1 << 40), [])
              }
            }
          }
        }
        try await group.waitForAll()
      }
      let wanted = try (0..<rowCount).map { (try pid($0), $0) }.sorted { $0.0 < $1.0 }
      try store.read { snapshot in
        let keys = try snapshot.keys(Tables.events)
        #expect(keys.map(\.first) == wanted.flatMap { [$0.0, $0.0] })
        #expect(keys.map(\.second) == wanted.flatMap { [$0.1, 1 << 40] })
        let last = try snapshot.first(Tables.events, reverse: true)
        #expect(last?.key.first == wanted.last?.0)
        for (pid, number) in wanted.prefix(500) {
          let value = try snapshot.get(Tables.events, KeyPair(pid, number))
          #expect(value == [UInt8(number % 251)])
          #expect(try snapshot.contains(Tables.events, KeyPair(pid, 1 << 40)))
          #expect(try !snapshot.contains(Tables.events, KeyPair(pid, (1 << 40) + 1)))
        }
      }
      #expect(try store.verify().isWhole)
    }
  }

  @Test("a store whose last reference goes with an answered write closes itself")
  func lastReference() async throws {
    try await withTemporaryDirectory { directory in
      for number in UInt64(0)..<30 {
        try await write(number, in: directory)
        // It closes on a thread of its own.
        let store = try await openOnceFree(directory)
        #expect(try store.read { try $0.get(Tables.numbers, number) } == [1])
        store.close()
      }
    }
  }

  /// Writes with a body that holds the store.
  private func write(_ number: UInt64, in directory: URL) async throws {
    let store = try openStore(directory)
    try await store.write { transaction in
      try withExtendedLifetime(store) { try transaction.put(Tables.numbers, number, [1]) }
    }
  }

  private func openOnceFree(_ directory: URL) async throws -> SealedStore {
    for _ in 0..<5_000 {
      if let store = try? openStore(directory) { return store }
      try await Task.sleep(for: .milliseconds(2))
    }
    return try openStore(directory)
  }
}
