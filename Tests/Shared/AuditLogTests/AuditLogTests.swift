internal import AuditAPI
internal import AuditLog
internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import TestSupport
internal import Testing

@Suite("The audit log")
struct AuditLogTests {
  private let time = ManualTime()

  private func withLog(
    _ body: (AuditLog, SealedStore) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      let random = SeededRandom(seed: 1)
      let key = try SealingKey(
        id: KeyID(rawValue: 1), secret: SecretBytes(random: random, count: 32), random: random)
      let store = try SealedStore.open(
        at: directory, keys: SealingKeyRing(current: key), tables: [AuditLog.table],
        configuration: StoreConfiguration(serviceName: "test"))
      defer { store.close() }
      try await body(AuditLog(store: store, time: time), store)
    }
  }

  @Test("entries are numbered from 1 and follow from one another")
  func chain() async throws {
    try await withLog { log, _ in
      for index in 1...5 {
        let number = try await log.append(
          AuditEntry(
            principal: "spiffe://tacit/user/admin/dev", action: "test.act",
            details: [("index", "\(index)")]))
        #expect(number == UInt64(index))
      }
      #expect(try log.verify() == .intact(entryCount: 5))
      #expect(try log.records(after: 3, limit: 10).map(\.number) == [4, 5])
      #expect(try log.records(after: 0, limit: 2).map(\.number) == [1, 2])
    }
  }

  @Test("an empty log is intact")
  func empty() async throws {
    try await withLog { log, _ throws in
      #expect(try log.verify() == .intact(entryCount: 0))
    }
  }

  @Test("a changed, a missing and an added entry show", arguments: ["change", "remove", "swap"])
  func tampering(how: String) async throws {
    try await withLog { log, store in
      for index in 1...4 {
        try await log.append(AuditEntry(principal: "p", action: "a.\(index)"))
      }
      try await store.write { transaction in
        var second = try #require(try transaction.get(AuditLog.table, 2))
        let third = try #require(try transaction.get(AuditLog.table, 3))
        switch how {
        case "change":
          second.message.action = "a.other"
          try transaction.put(AuditLog.table, 2, second)
        case "remove": try transaction.delete(AuditLog.table, 2)
        default:
          try transaction.put(AuditLog.table, 2, third)
          try transaction.put(AuditLog.table, 3, second)
        }
      }
      #expect(try log.verify() == .broken(number: 2))
    }
  }

  @Test("an entry in a transaction that fails is not there, and its number is used again")
  func rollback() async throws {
    struct Refused: Error {}
    try await withLog { log, store in
      await #expect(throws: Refused.self) {
        try await store.write { transaction in
          _ = try log.append(AuditEntry(principal: "p", action: "a"), in: &transaction)
          throw Refused()
        }
      }
      let number = try await log.append(AuditEntry(principal: "p", action: "b"))
      #expect(number == 1)
      #expect(try log.verify() == .intact(entryCount: 1))
    }
  }
}
