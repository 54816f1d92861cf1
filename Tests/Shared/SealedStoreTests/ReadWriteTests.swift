internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Reading and writing")
struct ReadWriteTests {
  @Test("a read sees a write that was acknowledged before it")
  func readYourWrites() async throws {
    try await withStore { store, _ in
      for number in UInt64(1)...50 {
        let committed = try await store.write { transaction in
          try transaction.put(Tables.numbers, number, [UInt8(number)])
          return transaction.sequence
        }
        #expect(committed.sequence == LogSequenceNumber(number))
        #expect(committed.value == committed.sequence)
        try store.read { snapshot in
          #expect(snapshot.sequence == committed.sequence)
          try #expect(snapshot.get(Tables.numbers, number) == [UInt8(number)])
          try #expect(snapshot.count(Tables.numbers) == Int(number))
        }
      }
      #expect(store.lastSequence == LogSequenceNumber(50))
    }
  }

  @Test("rows are there after closing and opening again")
  func reopen() async throws {
    try await withTemporaryDirectory { directory in
      let store = try openStore(directory)
      try await store.write { transaction in
        try transaction.put(Tables.notes, "first", "one")
        try transaction.put(Tables.notes, "second", "two")
        try transaction.delete(Tables.notes, "first")
      }
      store.close()
      let again = try openStore(directory)
      defer { again.close() }
      try again.read { snapshot in
        try #expect(snapshot.get(Tables.notes, "first") == nil)
        try #expect(snapshot.get(Tables.notes, "second") == "two")
        #expect(snapshot.sequence == LogSequenceNumber(1))
      }
      #expect(again.storeID == store.storeID)
    }
  }

  @Test("a transaction of many rows sees its own changes, the last of each row, between its writes")
  func ownChanges() async throws {
    try await withStore { store, _ in
      try await store.write { try $0.put(Tables.numbers, 1, [9]) }
      try await store.write { transaction in
        for number in UInt64(0)..<3_000 {
          try transaction.put(Tables.numbers, number, [1])
          try #expect(transaction.get(Tables.numbers, number) == [1])
          if number.isMultiple(of: 3) { try transaction.put(Tables.numbers, number, [2]) }
          if number.isMultiple(of: 5) { try transaction.delete(Tables.numbers, number) }
          if number % 1_000 == 999 {
            try #expect(transaction.first(Tables.numbers, reverse: true)?.key == number)
          }
        }
        for number in UInt64(0)..<3_000 {
          let expected: [UInt8]? =
            number.isMultiple(of: 5) ? nil : number.isMultiple(of: 3) ? [2] : [1]
          try #expect(transaction.get(Tables.numbers, number) == expected)
        }
        try #expect(transaction.get(Tables.numbers, 3_000) == nil)
      }
      // The next one begins with nothing of its own.
      try await store.write { transaction in
        try #expect(transaction.get(Tables.numbers, 1) == [1])
        try #expect(transaction.count(Tables.numbers) == 2_400)
      }
    }
  }

  @Test(
    "keys that count upwards in several tables at once, and those between them, keep their order")
  func ascendingKeys() async throws {
    try await withStore(testConfiguration { $0.applyDelayMs = 60_000 }) { store, _ in
      let random = SeededRandom(seed: 7)
      var expected: Set<UInt64> = []
      for round in UInt64(0)..<20 {
        var keys: [UInt64] = []
        for index in UInt64(0)..<100 {
          keys.append(1_000_000 + round * 1_000 + index)
          if index.isMultiple(of: 7) { keys.append(random.word() % 1_010_000) }
        }
        let written = keys
        try await store.write { transaction in
          for key in written {
            try transaction.put(Tables.numbers, key, [1])
            try transaction.put(Tables.notes, "c_\(1_000_000 + key)", "\(key)")
          }
        }
        expected.formUnion(keys)
      }
      try store.read { snapshot in
        try #expect(snapshot.keys(Tables.numbers) == expected.sorted())
        try #expect(snapshot.keys(Tables.notes) == expected.sorted().map { "c_\(1_000_000 + $0)" })
        for key in expected { try #expect(snapshot.get(Tables.numbers, key) == [1]) }
      }
    }
  }

  @Test("a body that throws changes nothing and its caller alone gets the error")
  func throwingBody() async throws {
    struct Refused: Error {}
    try await withStore { store, _ in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in UInt64(0)..<200 {
          group.addTask {
            do {
              try await store.write { transaction in
                try transaction.put(Tables.numbers, number, [1])
                if number.isMultiple(of: 3) { throw Refused() }
              }
              #expect(!number.isMultiple(of: 3))
            } catch is Refused {
              #expect(number.isMultiple(of: 3))
            }
          }
        }
        try await group.waitForAll()
      }
      let keys = try store.read { try $0.keys(Tables.numbers) }
      #expect(keys == (0..<200).filter { !$0.isMultiple(of: 3) })
      #expect(store.lastSequence == LogSequenceNumber(UInt64(keys.count)))
    }
  }

  @Test("a transaction sees its own changes and those of every earlier one")
  func serialTransactions() async throws {
    try await withStore { store, _ in
      try await withThrowingTaskGroup(of: UInt64.self) { group in
        for _ in 0..<300 {
          group.addTask {
            try await store.write { transaction in
              let last = try transaction.first(Tables.numbers, reverse: true)?.key ?? 0
              try transaction.put(Tables.numbers, last + 1, [])
              try #expect(transaction.contains(Tables.numbers, last + 1))
              try #expect(transaction.count(Tables.numbers) == Int(last + 1))
              return last + 1
            }.value
          }
        }
        var numbers: [UInt64] = []
        for try await number in group { numbers.append(number) }
        #expect(numbers.sorted() == Array(1...300))
      }
    }
  }

  @Test("the last change of a key in a transaction counts")
  func lastChangeWins() async throws {
    try await withStore { store, _ in
      try await store.write { transaction in
        try transaction.put(Tables.notes, "a", "1")
        try #expect(transaction.get(Tables.notes, "a") == "1")
        try transaction.put(Tables.notes, "a", "2")
        try #expect(transaction.get(Tables.notes, "a") == "2")
        try transaction.delete(Tables.notes, "a")
        try #expect(transaction.get(Tables.notes, "a") == nil)
        try #expect(transaction.rows(Tables.notes).isEmpty)
        try transaction.put(Tables.notes, "a", "3")
      }
      #expect(try store.read { try $0.get(Tables.notes, "a") } == "3")
    }
  }

  @Test("a transaction without changes takes no position")
  func emptyTransaction() async throws {
    try await withStore { store, _ in
      let first = try await store.write { _ in 7 }
      #expect(first.sequence == .zero)
      #expect(first.value == 7)
      try await store.write { try $0.put(Tables.notes, "a", "1") }
      #expect(try await store.write { _ in }.sequence == LogSequenceNumber(1))
    }
  }

  @Test("a range removed in one transaction is gone, its neighbours stay")
  func deleteRange() async throws {
    try await withStore { store, _ in
      let (gone, stays) = (try pid(1), try pid(2))
      try await store.write { transaction in
        for number in UInt64(0)..<10 {
          try transaction.put(Tables.events, KeyPair(gone, number), [1])
          try transaction.put(Tables.events, KeyPair(stays, number), [2])
        }
      }
      let count = try await store.write { try $0.delete(Tables.events, .prefix(gone)) }.value
      #expect(count == 10)
      try store.read { snapshot in
        try #expect(snapshot.count(Tables.events, .prefix(gone)) == 0)
        try #expect(snapshot.count(Tables.events) == 10)
      }
    }
  }

  @Test("a snapshot does not change while writes go on")
  func snapshotIsStable() async throws {
    try await withStore { store, _ in
      try await store.write { try $0.put(Tables.numbers, 1, [0]) }
      let started = DispatchSemaphore(value: 0)
      let written = DispatchSemaphore(value: 0)
      let reader = Thread {
        try? store.read { snapshot in
          let before = snapshot.sequence
          started.signal()
          written.wait()
          try #expect(snapshot.get(Tables.numbers, 1) == [0])
          try #expect(snapshot.count(Tables.numbers) == 1)
          #expect(snapshot.sequence == before)
        }
        started.signal()
      }
      reader.start()
      await wait(for: started)
      for number in UInt64(1)...40 {
        try await store.write { try $0.put(Tables.numbers, number, [9]) }
        if number.isMultiple(of: 8) { try await Task.sleep(for: .milliseconds(7)) }
      }
      written.signal()
      await wait(for: started)
      #expect(try store.read { try $0.count(Tables.numbers) } == 40)
    }
  }

  private func wait(for semaphore: DispatchSemaphore) async {
    await withCheckedContinuation { continuation in
      Thread {
        semaphore.wait()
        continuation.resume()
      }.start()
    }
  }
}
