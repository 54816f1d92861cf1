internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Limits of a store")
struct LimitTests {
  @Test("a file at its limit refuses writes, keeps reads, and goes on with a larger limit")
  func mapFull() async throws {
    try await withTemporaryDirectory { directory in
      let small = testConfiguration { $0.mapByteCountMax = 1 << 20 }
      let store = try openStore(directory, small)
      var written: UInt64 = 0
      let error = await #expect(throws: StoreError.self) {
        while written < 10_000 {
          let number = written
          try await store.write {
            try $0.put(Tables.numbers, number, [UInt8](repeating: 1, count: 1_000))
          }
          written += 1
        }
      }
      #expect(error == .mapFull(limit: 1 << 20))
      #expect(written > 50)
      #expect(try store.read { try $0.count(Tables.numbers) } == Int(written))
      store.close()

      let larger = try openStore(directory)
      defer { larger.close() }
      try await larger.write { try $0.put(Tables.numbers, .max, []) }
      #expect(try larger.read { try $0.count(Tables.numbers) } == Int(written) + 1)
    }
  }

  @Test("more waiting writes than allowed are refused, the others are done")
  func overloaded() async throws {
    let configuration = testConfiguration { $0.waitingWriteCountMax = 2 }
    try await withStore(configuration) { store, _ in
      let gate = DispatchSemaphore(value: 0)
      try await withThrowingTaskGroup(of: Bool.self) { group in
        let isRunning = AsyncStream<Void>.makeStream()
        group.addTask {
          try await store.write { _ in
            isRunning.continuation.finish()
            gate.wait()
          }
          return true
        }
        for await _ in isRunning.stream {}
        for number in UInt64(0)..<5 {
          group.addTask {
            do {
              try await store.write { try $0.put(Tables.numbers, number, []) }
              return true
            } catch StoreError.overloaded(let limit) {
              #expect(limit == 2)
              return false
            }
          }
        }
        var refused = 0
        while refused < 3 {
          if try await group.next() == false { refused += 1 }
        }
        gate.signal()
        while let done = try await group.next() { #expect(done) }
      }
      #expect(try store.read { try $0.count(Tables.numbers) } == 2)
    }
  }

  @Test("one reader more than allowed is refused, and writing needs none of them")
  func tooManyReaders() async throws {
    try await withStore(testConfiguration { $0.readerCountMax = 2 }) { store, _ in
      try store.read { _ in
        try store.read { _ in
          _ = #expect(throws: StoreError.tooManyReaders(limit: 2)) { try store.read { _ in } }
        }
        try store.read { _ in }
      }
      try await store.write { try $0.put(Tables.notes, "a", "b") }
    }
  }

  @Test("a transaction over its limit is refused and leaves nothing")
  func transactionTooLarge() async throws {
    try await withStore { store, _ in
      let value = [UInt8](repeating: 1, count: StoreLimits.valueByteCountMax)
      let error = await #expect(throws: StoreError.self) {
        try await store.write { transaction in
          for number in UInt64(0)..<4 { try transaction.put(Tables.numbers, number, value) }
        }
      }
      guard case .transactionTooLarge(_, StoreLimits.transactionByteCountMax) = error else {
        Issue.record("\(String(describing: error)) does not tell the limit")
        return
      }
      try await store.write { transaction in
        for number in UInt64(0)..<3 { try transaction.put(Tables.numbers, number, value) }
      }
      #expect(try store.read { try $0.count(Tables.numbers) } == 3)
    }
  }

  @Test("writers wait for the tables when much is in memory, and lose nothing", arguments: [1, 10])
  func backpressure(rowCountMax: Int) async throws {
    let configuration = testConfiguration {
      $0.unappliedRowCountMax = rowCountMax
      $0.applyDelayMs = 1
    }
    try await withStore(configuration) { store, _ in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in UInt64(0)..<200 {
          group.addTask {
            try await store.write { try $0.put(Tables.numbers, number, [1]) }
          }
        }
        try await group.waitForAll()
      }
      #expect(try store.read { try $0.count(Tables.numbers) } == 200)
    }
  }
}
