internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

/// Random histories against a dictionary that says what must be there.
@Suite("Random histories")
struct ModelTests {
  /// What the store should hold.
  private struct Model {
    var rows: [UInt64: [UInt8]] = [:]

    func keys(_ range: Range<UInt64>, reverse: Bool, limit: Int) -> [UInt64] {
      let keys = rows.keys.filter(range.contains).sorted()
      return Array((reverse ? keys.reversed() : keys).prefix(limit))
    }
  }

  @Test("gets and scans agree with the model while the tables follow", arguments: 0..<12)
  func history(seed: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      let configuration = testConfiguration { $0.applyDelayMs = Int(seed % 4) }
      let random = SeededRandom(seed: seed)
      var store = try openStore(directory, configuration)
      var model = Model()
      for _ in 0..<60 {
        model = try await change(model, store, random)
        try compare(model, store, random)
        if random.word().isMultiple(of: 16) {
          store.close()
          store = try openStore(directory, configuration)
        }
      }
      #expect(try store.verify().isWhole)
      store.close()
    }
  }

  /// One transaction of up to 20 changes, checked from inside as it goes.
  private func change(
    _ model: Model, _ store: SealedStore, _ random: SeededRandom
  ) async throws -> Model {
    try await store.write { transaction in
      var model = model
      for _ in 0..<(1 + random.word() % 20) {
        let key = random.word() % 64
        if random.word().isMultiple(of: 3) {
          try transaction.delete(Tables.numbers, key)
          model.rows[key] = nil
        } else {
          let value = random.bytes(count: Int(random.word() % 200))
          try transaction.put(Tables.numbers, key, value)
          model.rows[key] = value
        }
        let asked = random.word() % 64
        let got = try transaction.get(Tables.numbers, asked)
        #expect(got == model.rows[asked])
      }
      let keys = try transaction.keys(Tables.numbers)
      #expect(keys == model.keys(0..<64, reverse: false, limit: .max))
      return model
    }.value
  }

  private func compare(_ model: Model, _ store: SealedStore, _ random: SeededRandom) throws {
    try store.read { snapshot in
      for key in UInt64(0)..<64 {
        try #expect(snapshot.get(Tables.numbers, key) == model.rows[key])
        try #expect(snapshot.contains(Tables.numbers, key) == (model.rows[key] != nil))
      }
      for _ in 0..<8 {
        let start = random.word() % 64
        let end = random.word() % 64
        let range = start..<max(start, end)
        let limit = Int(random.word() % 20)
        for reverse in [false, true] {
          let rows = try snapshot.rows(
            Tables.numbers, .from(range.lowerBound, below: range.upperBound), reverse: reverse,
            limit: limit)
          #expect(rows.map(\.key) == model.keys(range, reverse: reverse, limit: limit))
          for row in rows { #expect(row.value == model.rows[row.key]) }
        }
      }
    }
  }

  @Test("readers in parallel always see the whole of a transaction")
  func atomicity() async throws {
    try await withStore(testConfiguration { $0.applyDelayMs = 1 }) { store, _ in
      try await store.write { transaction in
        for account in UInt64(0)..<16 { try transaction.put(Tables.numbers, account, [100]) }
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for seed in UInt64(0)..<4 {
          group.addTask {
            let random = SeededRandom(seed: seed)
            for _ in 0..<150 {
              let (from, to) = (random.word() % 16, random.word() % 16)
              guard from != to else { continue }
              try await store.write { transaction in
                let source = try transaction.get(Tables.numbers, from)?.first ?? 0
                let target = try transaction.get(Tables.numbers, to)?.first ?? 0
                guard source > 0, target < 255 else { return }
                try transaction.put(Tables.numbers, from, [source - 1])
                try transaction.put(Tables.numbers, to, [target + 1])
              }
            }
          }
          group.addTask {
            var last = LogSequenceNumber.zero
            for index in 0..<300 {
              let (sum, sequence) = try store.read { snapshot in
                let rows = try snapshot.rows(Tables.numbers, reverse: index.isMultiple(of: 2))
                return (rows.reduce(0) { $0 + Int($1.value[0]) }, snapshot.sequence)
              }
              #expect(sum == 1_600)
              #expect(sequence >= last)
              last = sequence
              if index.isMultiple(of: 10) { await Task.yield() }
            }
          }
        }
        try await group.waitForAll()
      }
    }
  }
}
