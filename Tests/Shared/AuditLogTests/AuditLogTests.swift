internal import AuditAPI
internal import AuditLog
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import Synchronization
internal import TestSupport
internal import Testing
internal import TransparencyLog

@Suite("The audit log")
struct AuditLogTests {
  @Test("entries take place after place, and their records are numbered from 1")
  func places() async throws {
    try await LogFixture.withLog { log, _ in
      for index in 0..<5 {
        let place = try await log.append(
          LogFixture.entry("test.act", [("index", "\(index)")]))
        #expect(place == UInt64(index))
      }
      #expect(try log.count() == 5)
      #expect(try log.verify() == .intact(entryCount: 5))
      #expect(try log.records(after: 3, limit: 10).map(\.number) == [4, 5])
      #expect(try log.records(after: 0, limit: 2).map(\.number) == [1, 2])
      #expect(try log.records(limit: 9).map { $0.details[0].value } == ["0", "1", "2", "3", "4"])
    }
  }

  @Test("an empty log is intact")
  func empty() async throws {
    try await LogFixture.withLog { log, _ throws in
      #expect(try log.verify() == .intact(entryCount: 0))
      #expect(try log.count() == 0)
      #expect(try log.records(limit: 5).isEmpty)
    }
  }

  @Test("an entry in a transaction that fails is not there, and its place is used again")
  func rollback() async throws {
    struct Refused: Error {}
    try await LogFixture.withLog { log, store in
      try await log.append(LogFixture.entry("before"))
      for _ in 0..<3 {
        await #expect(throws: Refused.self) {
          try await store.write { transaction in
            for _ in 0..<2 {
              _ = try log.append(LogFixture.entry("refused"), in: &transaction)
            }
            throw Refused()
          }
        }
      }
      let place = try await log.append(LogFixture.entry("after"))
      #expect(place == 1)
      #expect(try log.verify() == .intact(entryCount: 2))
      #expect(try log.records(limit: 9).map(\.action) == ["before", "after"])
    }
  }

  @Test("many entries in one transaction, and many writers at once, make one tree")
  func manyWriters() async throws {
    try await LogFixture.withLog { log, store in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<8 {
          group.addTask {
            for _ in 0..<25 { try await log.append(LogFixture.entry("w\(writer)")) }
            try await store.write { transaction in
              for _ in 0..<10 {
                try log.append(LogFixture.entry("t\(writer)"), in: &transaction)
              }
            }
          }
        }
        try await group.waitForAll()
      }
      #expect(try log.count() == 280)
      #expect(try log.verify() == .intact(entryCount: 280))
    }
  }

  @Test("a log goes on where it was after the store is opened again")
  func reopened() async throws {
    try await withTemporaryDirectory { directory in
      for round in 0..<3 {
        let store = try LogFixture.openStore(at: directory)
        defer { store.close() }
        let log = try LogFixture.log(store)
        for _ in 0..<7 { try await log.append(LogFixture.entry("a")) }
        #expect(try log.count() == UInt64(7 * (round + 1)))
        #expect(try log.verify() == .intact(entryCount: UInt64(7 * (round + 1))))
      }
    }
  }

  @Test(
    "what is changed, taken out or swapped shows, with its number",
    arguments: [
      "content", "salt", "leaf", "hash", "remove leaf", "swap leaves", "swap contents", "both",
    ])
  func tampering(how: String) async throws {
    try await LogFixture.withLog { log, store in
      for index in 1...6 { try await log.append(LogFixture.entry("a.\(index)")) }
      try await store.write { transaction in
        let leaves = AuditTables.leaves
        let entries = AuditTables.entries
        let leaf = try #require(try transaction.get(leaves, 2))
        let next = try #require(try transaction.get(leaves, 3))
        let content = try #require(try transaction.get(entries, 2))
        let nextContent = try #require(try transaction.get(entries, 3))
        var bytes = content.encodeValue()
        var leafBytes = leaf.encodeValue()
        switch how {
        case "content":
          bytes[bytes.count - 1] ^= 1
          try transaction.put(entries, 2, SaltedContent(storedValue: bytes))
        case "salt":
          bytes[0] ^= 1
          try transaction.put(entries, 2, SaltedContent(storedValue: bytes))
        case "leaf":
          leafBytes[40] ^= 1
          try transaction.put(leaves, 2, StoredLeaf(storedValue: leafBytes))
        case "hash":
          leafBytes[leafBytes.count - 1] ^= 1
          try transaction.put(leaves, 2, StoredLeaf(storedValue: leafBytes))
        case "remove leaf": try transaction.delete(leaves, 2)
        case "swap leaves":
          try transaction.put(leaves, 2, next)
          try transaction.put(leaves, 3, leaf)
        case "swap contents":
          try transaction.put(entries, 2, nextContent)
          try transaction.put(entries, 3, content)
        default:
          try transaction.put(leaves, 2, next)
          try transaction.put(entries, 2, nextContent)
        }
      }
      #expect(try log.verify() == .broken(number: 3))
    }
  }

  @Test("an action that is no name is refused, one of 64 bytes is not")
  func actions() async throws {
    try await LogFixture.withLog { log, _ in
      let longest = String(repeating: "a", count: 64)
      let place = try await log.append(LogFixture.entry(longest))
      #expect(place == 0)
      for action in ["", longest + "a", "a b", "a\nb", "Ada", "ada@example.com"] {
        await #expect(throws: AuditLogError.log(.malformed("the action of a leaf"))) {
          try await log.append(LogFixture.entry(action))
        }
        #expect(throws: AuditLogError.log(.malformed("the action of a leaf"))) {
          try log.recordRead(LogFixture.entry(action))
        }
      }
      #expect(try log.count() == 1)
    }
  }

  @Test("a store with a log in the older form is refused, not misread")
  func olderForm() async throws {
    try await withTemporaryDirectory { directory in
      let chained = StoreTable<UInt64, [UInt8]>("audit", id: 60_001)
      do {
        let store = try LogFixture.openStore(at: directory, tables: [chained])
        defer { store.close() }
        try await store.write { try $0.put(chained, 1, [1, 2, 3]) }
      }
      let store = try LogFixture.openStore(at: directory)
      defer { store.close() }
      let log = try LogFixture.log(store)
      await #expect(throws: AuditLogError.olderFormat) { try await log.start() }
      await #expect(throws: AuditLogError.olderFormat) {
        try await log.append(LogFixture.entry("a"))
      }
      #expect(throws: AuditLogError.olderFormat) { try log.records(limit: 1) }
      #expect(throws: AuditLogError.olderFormat) { try log.verify() }
      #expect(throws: AuditLogError.olderFormat) { try log.count() }
    }
  }

  @Test("a store whose log a newer program wrote is refused")
  func newerForm() async throws {
    try await LogFixture.withLog { log, store in
      let state = StoreTable<String, UInt64>("audit_state", id: 60_008)
      try await store.write { try $0.put(state, "format", 2) }
      await #expect(throws: AuditLogError.newerFormat(found: 2, supported: 1)) {
        try await log.append(LogFixture.entry("a"))
      }
      #expect(throws: AuditLogError.newerFormat(found: 2, supported: 1)) { try log.verify() }
      try await store.write { try $0.put(state, "format", 1) }
      let place = try await log.append(LogFixture.entry("a"))
      #expect(place == 0)
    }
  }
}

@Suite("Forgetting in the audit log")
struct ForgettingTests {
  private func commitment(_ leaf: [UInt8]) throws -> MerkleHash {
    try LogLeaf(encoded: leaf).commitment
  }

  @Test("after an entry is forgotten every proof holds, and nobody can confirm what it said")
  func shredding() async throws {
    try await LogFixture.withLog { log, store in
      for index in 0..<9 { try await log.append(LogFixture.entry("a.\(index)")) }
      let before = try await log.publish()
      let proof = try log.proof(of: 4)
      let leaf = try log.leaf(at: 4)
      let policy = try TrustPolicy(logs: [log.verifyingKey()])
      let opening = try log.opening(of: 4)
      // With its salt, the content shows to be what was logged.
      #expect(
        try SaltedCommitment(salt: opening.salt, content: opening.content).hash
          == commitment(leaf))

      try await store.write { try log.forget(4, in: &$0) }
      try await log.append(LogFixture.entry("later"))
      let after = try await log.publish()
      #expect(throws: AuditLogError.noSuchEntry(index: 4)) { try log.opening(of: 4) }
      #expect(try log.records(limit: 20).map(\.number) == [1, 2, 3, 4, 6, 7, 8, 9, 10])

      // Old proofs and new ones verify, of the forgotten entry and of all others.
      try proof.verify(entry: leaf, policy: policy)
      #expect(try log.leaf(at: 4) == leaf)
      for index in 0..<10 {
        try log.proof(of: UInt64(index)).verify(
          entry: log.leaf(at: UInt64(index)), policy: policy)
      }
      try log.consistencyProof(oldSize: before.treeSize, newSize: after.treeSize).verify(
        oldRoot: before.checkpoint.rootHash, newRoot: after.checkpoint.rootHash)
      #expect(try log.verify() == .intact(entryCount: 10, closedCount: 1))

      // Somebody who knows every byte of the content, and even all other salts, confirms nothing.
      let salts =
        try (0..<10).filter { $0 != 4 }.map { try log.opening(of: UInt64($0)).salt }
        + [[UInt8](repeating: 0, count: 32)]
      for salt in salts {
        #expect(
          try SaltedCommitment(salt: salt, content: opening.content).hash != commitment(leaf))
      }
      // The leaf itself holds no byte of the content beyond action and time.
      let text = try #require(String(validating: leaf, as: UTF8.self))
      #expect(!text.contains("spiffe"))
      let lines = text.split(separator: "\n")
      #expect(
        lines.map { $0.split(separator: " ")[0] } == [
          "tacit-leaf/v1", "time", "action", "commitment",
        ])
    }
  }

  @Test("an entry under a person's key is closed without it, and gone with it")
  func underAPersonsKey() async throws {
    try await LogFixture.withLog { log, _ in
      let key = try LogFixture.subjectKey(5)
      try await log.append(LogFixture.entry("a"))
      try await log.append(LogFixture.entry("personal"), under: key)
      #expect(try log.records(limit: 9).map(\.action) == ["a"])
      #expect(
        try log.records(limit: 9, subjectKey: { $0 == 1 ? key : nil }).map(\.action)
          == ["a", "personal"])
      #expect(throws: StoreError.self) { try log.opening(of: 1) }
      let opening = try log.opening(of: 1, under: key)
      #expect(
        try SaltedCommitment(salt: opening.salt, content: opening.content).hash
          == commitment(log.leaf(at: 1)))
      #expect(try log.verify() == .intact(entryCount: 2, closedCount: 1))
    }
  }

  @Test("there is nothing to forget where there is no entry")
  func nothingThere() async throws {
    try await LogFixture.withLog { log, store in
      try await log.append(LogFixture.entry("a"))
      await #expect(throws: AuditLogError.noSuchEntry(index: 1)) {
        try await store.write { try log.forget(1, in: &$0) }
      }
      #expect(throws: AuditLogError.noSuchEntry(index: 1)) { try log.leaf(at: 1) }
    }
  }
}
