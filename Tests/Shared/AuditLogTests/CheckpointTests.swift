internal import AuditLog
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing
internal import TransparencyLog

@Suite("Checkpoints of the audit log")
struct CheckpointTests {
  @Test("entries come under a signed checkpoint by themselves")
  func byThemselves() async throws {
    try await LogFixture.withLog { log, _ in
      let policy = try TrustPolicy(logs: [log.verifyingKey()])
      for round in 0..<3 {
        let place = try await log.append(LogFixture.entry("a.\(round)"))
        let signed = try await log.covered(place)
        #expect(signed.treeSize > place)
        #expect(try policy.verify(signed.note).checkpoint == signed.checkpoint)
        try log.proof(of: place).verify(entry: log.leaf(at: place), policy: policy)
      }
      #expect(try log.verify() == .intact(entryCount: 3))
    }
  }

  @Test("a fail-closed entry returns under a checkpoint; without a key it throws and is not there")
  func failClosed() async throws {
    try await LogFixture.withLog { log, store in
      let covered = try await log.appendCovered(LogFixture.entry("vault.reidentify"))
      #expect(covered.index == 0)
      #expect(covered.checkpoint.treeSize == 1)
      let unsigned = try LogFixture.log(store, isSigning: false)
      await #expect(throws: AuditLogError.noSigningKey) {
        try await unsigned.appendCovered(LogFixture.entry("vault.reidentify"))
      }
      #expect(try log.count() == 1)
      #expect(throws: AuditLogError.noSigningKey) { try unsigned.newestCheckpoint() }
    }
  }

  @Test("a fail-closed entry that no checkpoint covers in time throws")
  func notInTime() async throws {
    var configuration = AuditLogConfiguration()
    configuration.coverTimeoutMs = 50
    configuration.checkpointIntervalMs = 600_000
    try await LogFixture.withLog(configuration: configuration) { log, _ in
      // The first is signed at once, the next only after the interval.
      try await log.append(LogFixture.entry("a"))
      while try log.newestCheckpoint()?.treeSize != 1 { await Task.yield() }
      await #expect(throws: AuditLogError.notCovered(index: 1)) {
        try await log.appendCovered(LogFixture.entry("b"))
      }
      #expect(try log.count() == 2)
    }
  }

  @Test("a waiter whose task is cancelled, or whose log is closed, does not wait on")
  func cancelled() async throws {
    var configuration = AuditLogConfiguration()
    configuration.checkpointIntervalMs = 600_000
    configuration.coverTimeoutMs = 600_000
    try await LogFixture.withLog(configuration: configuration) { log, _ in
      _ = try await log.appendCovered(LogFixture.entry("a"))
      let task = Task { try await log.appendCovered(LogFixture.entry("b")) }
      while try log.count() < 2 { await Task.yield() }
      task.cancel()
      await #expect(throws: (any Error).self) { try await task.value }
      try await log.close()
      await #expect(throws: AuditLogError.closed) { try await log.covered(7) }
      #expect(try log.newestCheckpoint()?.treeSize == 2)
    }
  }

  @Test("checkpoints come at most once in an interval, however many entries come")
  func interval() async throws {
    var configuration = AuditLogConfiguration()
    configuration.checkpointIntervalMs = 40
    try await LogFixture.withLog(configuration: configuration) { log, store in
      let clock = ContinuousClock()
      let start = clock.now
      var last: UInt64 = 0
      let checkpoints = StoreTable<UInt64, [UInt8]>("audit_checkpoints", id: 60_004)
      while try store.read({ try $0.count(checkpoints) }) < 4, clock.now - start < .seconds(20) {
        last = try await log.append(LogFixture.entry("a"))
      }
      _ = try await log.covered(last)
      let elapsed = clock.now - start
      let count = try store.read { try $0.count(checkpoints) }
      #expect(count >= 4)
      #expect(Double(count) <= elapsed / .milliseconds(40) + 1)
    }
  }

  @Test("every checkpoint is consistent with every other, and the newest survives")
  func consistency() async throws {
    try await withTemporaryDirectory { directory in
      var signed: [SignedCheckpoint] = []
      for _ in 0..<3 {
        let store = try LogFixture.openStore(at: directory)
        defer { store.close() }
        let log = try LogFixture.log(store)
        #expect(try log.newestCheckpoint() == signed.last)
        try await log.start()
        for _ in 0..<5 {
          try await log.append(LogFixture.entry("a"))
          signed.append(try await log.publish())
        }
        for old in signed {
          for new in signed where old.treeSize <= new.treeSize {
            try log.consistencyProof(oldSize: old.treeSize, newSize: new.treeSize).verify(
              oldRoot: old.checkpoint.rootHash, newRoot: new.checkpoint.rootHash)
          }
        }
        #expect(try log.checkpoint(ofSize: signed[0].treeSize) == signed[0])
        try await log.close()
      }
      #expect(signed.map(\.treeSize).sorted() == signed.map(\.treeSize))
    }
  }

  @Test("a checkpoint covers a place or it does not")
  func covering() async throws {
    try await LogFixture.withLog { log, _ in
      #expect(try log.newestCheckpoint() == nil)
      #expect(throws: AuditLogError.notCovered(index: 0)) { try log.proof(of: 0) }
      let empty = try await log.publish()
      #expect(empty.treeSize == 0)
      #expect(empty.checkpoint.rootHash == (try MerkleHash.emptyTree()))
      try await log.append(LogFixture.entry("a"))
      let one = try await log.publish()
      #expect(try log.checkpoint(covering: 0) == one)
      #expect(try log.checkpoint(covering: 1) == nil)
    }
  }

  @Test("a log that no longer contains what it signed signs nothing more")
  func contradiction() async throws {
    try await LogFixture.withLog { log, store in
      for _ in 0..<4 { try await log.append(LogFixture.entry("a")) }
      _ = try await log.publish()
      try await store.write { transaction in
        let leaf = try #require(try transaction.get(AuditTables.leaves, 3))
        var bytes = leaf.encodeValue()
        bytes[bytes.count - 1] ^= 1
        try transaction.put(AuditTables.leaves, 3, StoredLeaf(storedValue: bytes))
      }
      try await log.append(LogFixture.entry("b"))
      await #expect(throws: AuditLogError.contradictsCheckpoint(treeSize: 4)) {
        try await log.publish()
      }
      await #expect(throws: AuditLogError.contradictsCheckpoint(treeSize: 4)) {
        try await log.appendCovered(LogFixture.entry("c"))
      }
    }
  }

  @Test("a kept checkpoint that is changed shows")
  func changedCheckpoint() async throws {
    try await LogFixture.withLog { log, store in
      for _ in 0..<3 { try await log.append(LogFixture.entry("a")) }
      let signed = try await log.publish()
      let checkpoints = StoreTable<UInt64, [UInt8]>("audit_checkpoints", id: 60_004)
      let other = try LogFixture.signer(seed: 9)
      var forged = try SignedNote(text: signed.note.text)
      try forged.add(other.sign(forged.text, at: LogFixture.time.now))
      let lie = try Checkpoint(
        origin: "tacit/test", treeSize: 3, rootHash: MerkleHash.leaf([1]))
      var lying = try SignedNote(text: lie.text)
      try lying.add(LogFixture.signer().sign(lying.text, at: LogFixture.time.now))
      for note in [forged, lying] {
        try await store.write { try $0.put(checkpoints, 3, note.encoded) }
        #expect(try log.verify() == .brokenCheckpoint(treeSize: 3))
      }
      try await store.write { try $0.put(checkpoints, 3, signed.note.encoded) }
      #expect(try log.verify() == .intact(entryCount: 3))
    }
  }

  @Test("old checkpoints go, the newest stay")
  func pruning() async throws {
    var configuration = AuditLogConfiguration()
    configuration.checkpointCountMax = 10
    try await LogFixture.withLog(configuration: configuration) { log, store in
      for _ in 0..<64 {
        try await log.append(LogFixture.entry("a"))
        _ = try await log.publish()
      }
      // The publisher may sign by itself as well, so that the clearing is not at a fixed size.
      let checkpoints = StoreTable<UInt64, [UInt8]>("audit_checkpoints", id: 60_004)
      let sizes = try store.read { try $0.keys(checkpoints) }
      #expect(sizes.count < 64)
      #expect(sizes.count >= 10)
      #expect(sizes.last == 64)
      #expect(try log.checkpoint(ofSize: 64)?.treeSize == 64)
      #expect(try log.checkpoint(ofSize: 1) == nil)
      #expect(try log.verify() == .intact(entryCount: 64))
    }
  }

  @Test("a witness's cosignature is kept; others are refused")
  func cosigning() async throws {
    var configuration = AuditLogConfiguration()
    let witnesses = try [1, 2].map {
      try LogFixture.signer("witness/w\($0)", .cosignature, seed: 10 + UInt8($0))
    }
    configuration.witnesses = witnesses.map(\.key)
    try await LogFixture.withLog(configuration: configuration) { log, _ in
      try await log.append(LogFixture.entry("a"))
      let signed = try await log.publish()
      #expect(try log.newestCosigned() == nil)
      for (index, witness) in witnesses.enumerated() {
        let signature = try witness.sign(signed.note.text, at: LogFixture.time.now)
        #expect(try await log.cosign(treeSize: 1, signature: signature) == index + 1)
        // Again is no second witness.
        #expect(try await log.cosign(treeSize: 1, signature: signature) == index + 1)
      }
      let cosigned = try #require(try log.newestCosigned())
      let policy = try TrustPolicy(
        logs: [log.verifyingKey()], witnesses: configuration.witnesses, threshold: 2)
      #expect(try policy.verify(cosigned.note).cosignatures.count == 2)
      try log.proof(of: 0, cosigned: true).verify(entry: log.leaf(at: 0), policy: policy)
      let stranger = try LogFixture.signer("witness/w3", .cosignature, seed: 20)
      let strange = try stranger.sign(signed.note.text, at: LogFixture.time.now)
      await #expect(throws: AuditLogError.unknownWitness) {
        try await log.cosign(treeSize: 1, signature: strange)
      }
      let wrong = try witnesses[0].sign("another\n", at: LogFixture.time.now)
      await #expect(throws: TransparencyLogError.falseSignature(key: "witness/w1")) {
        try await log.cosign(treeSize: 1, signature: wrong)
      }
      await #expect(throws: AuditLogError.noSuchCheckpoint(treeSize: 9)) {
        try await log.cosign(treeSize: 9, signature: wrong)
      }
    }
  }

  @Test("tiles and bundles of a log give every root; there are none past its end")
  func tiles() async throws {
    try await LogFixture.withLog { log, store in
      for _ in 0..<3 {
        try await store.write { transaction in
          for _ in 0..<100 { try log.append(LogFixture.entry("a"), in: &transaction) }
        }
      }
      let signed = try await log.publish()
      var reader = TileReader(treeSize: 300) { try log.tile($0) }
      #expect(try reader.root() == signed.checkpoint.rootHash)
      for bundle in try TileCoordinate.all(.entries, treeSize: 300) {
        let leaves = try log.leaves(of: bundle)
        let hashes = try log.tile(
          TileCoordinate(.hashes(level: 0), index: bundle.index, width: bundle.width))
        #expect(try leaves.map { try MerkleHash.leaf($0) } == hashes)
      }
      #expect(try log.tile(TileCoordinate(.hashes(level: 1), index: 0, width: 1)).count == 1)
      for tile in [
        try TileCoordinate(.hashes(level: 0), index: 1, width: 45),
        try TileCoordinate(.hashes(level: 1), index: 0, width: 2),
        try TileCoordinate(.hashes(level: 2), index: 0, width: 1),
        try TileCoordinate(.hashes(level: 9), index: 0, width: 1),
      ] {
        #expect(throws: TransparencyLogError.outOfRange(tile.path, treeSize: 300)) {
          try log.tile(tile)
        }
      }
      let last = try TileCoordinate(.entries, index: 1, width: 44)
      #expect(try log.leaves(of: last).count == 44)
      let past = try TileCoordinate(.entries, index: 1, width: 45)
      #expect(throws: TransparencyLogError.outOfRange(past.path, treeSize: 300)) {
        try log.leaves(of: past)
      }
      #expect(throws: TransparencyLogError.outOfRange("a tree of 301", treeSize: 300)) {
        try log.inclusionProof(index: 0, treeSize: 301)
      }
      #expect(throws: TransparencyLogError.outOfRange("a tree of 301", treeSize: 300)) {
        try log.consistencyProof(oldSize: 0, newSize: 301)
      }
    }
  }
}
