internal import AuditLog
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing
internal import TransparencyLog

@Suite("Batches of things that are logged as one")
struct BatchTests {
  private func member(_ number: Int) -> (salt: [UInt8], content: [UInt8]) {
    (SeededRandom(seed: UInt64(number)).bytes(count: 32), Array("member \(number)".utf8))
  }

  private func batch(_ count: Int) throws -> AuditBatch {
    var batch = AuditBatch()
    for number in 0..<count {
      let member = member(number)
      #expect(try batch.add(salt: member.salt, content: member.content) == UInt32(number))
    }
    return batch
  }

  @Test(
    "each member is proven to be in the batch, whose leaf names their number and root",
    arguments: [1, 2, 255, 256, 257, 511, 512, 700, 1_025])
  func members(count: Int) async throws {
    try await LogFixture.withLog { log, store in
      let batch = try batch(count)
      try await log.append(LogFixture.entry("before"))
      let index = try await store.write { transaction in
        let next = try log.nextIndex(in: &transaction)
        let index = try log.append(LogFixture.entry("test.batch"), batch, in: &transaction)
        #expect(index == next)
        return index
      }.value
      try await log.append(LogFixture.entry("behind"))
      #expect(index == 1)
      let leaf = try LogLeaf(encoded: log.leaf(at: index))
      #expect(leaf.content == .batch(count: UInt64(count), root: try batch.root()))
      for number in Set([0, 1, count / 2, 255, 256, 511, count - 2, count - 1])
      where (0..<count).contains(number) {
        let proof = try log.batchProof(index: index, member: UInt32(number))
        #expect(proof.leaf == leaf.encoded)
        let own = member(number)
        try proof.inclusion.verify(
          leaf: .leaf(SaltedCommitment(salt: own.salt, content: own.content).hash.bytes),
          root: batch.root())
        let other = member(number + 1)
        #expect(throws: TransparencyLogError.self) {
          try proof.inclusion.verify(
            leaf: AuditBatch.hash(salt: own.salt, content: other.content), root: batch.root())
        }
      }
      #expect(throws: AuditLogError.noSuchEntry(index: index)) {
        try log.batchProof(index: index, member: UInt32(count))
      }
      #expect(throws: AuditLogError.noSuchEntry(index: 0)) {
        try log.batchProof(index: 0, member: 0)
      }
      #expect(try log.verify() == .intact(entryCount: 3))
    }
  }

  @Test("an empty batch is refused, and one member too many")
  func limits() async throws {
    try await LogFixture.withLog { log, store in
      await #expect(throws: AuditLogError.self) {
        try await store.write { transaction in
          try log.append(LogFixture.entry("test.batch"), AuditBatch(), in: &transaction)
        }
      }
      var full = try batch(AuditBatch.countMax)
      #expect(full.count == AuditBatch.countMax)
      #expect(throws: TransparencyLogError.self) {
        try full.add(salt: [UInt8](repeating: 1, count: 32), content: [])
      }
      var short = AuditBatch()
      #expect(throws: TransparencyLogError.self) { try short.add(salt: [1], content: []) }
    }
  }

  @Test("a statement is signed with the log's key, and what reads as a checkpoint never is")
  func statements() async throws {
    try await LogFixture.withLog { log, _ in
      let policy = try TrustPolicy(logs: [log.verifyingKey()])
      let note = try log.signStatement("a statement\nabout something\n")
      try policy.verifyStatement(note, of: "tacit/test")
      let read = try SignedNote(encoded: note.encoded)
      try policy.verifyStatement(read, of: "tacit/test")
      #expect(
        throws: TransparencyLogError.otherOrigin(found: "tacit/other", expected: "tacit/test")
      ) {
        try policy.verifyStatement(note, of: "tacit/other")
      }
      let altered = try SignedNote(
        text: "a statement\nabout something else\n", signatures: note.signatures)
      #expect(throws: TransparencyLogError.falseSignature(key: "tacit/test")) {
        try policy.verifyStatement(altered, of: "tacit/test")
      }
      let unsigned = try SignedNote(text: note.text)
      #expect(throws: TransparencyLogError.notSigned(origin: "tacit/test")) {
        try policy.verifyStatement(unsigned, of: "tacit/test")
      }
      let checkpoint = try Checkpoint(
        origin: "tacit/test", treeSize: 7, rootHash: MerkleHash.emptyTree())
      #expect(throws: AuditLogError.self) { try log.signStatement(checkpoint.text) }
    }
  }
}
