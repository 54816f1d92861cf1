internal import AuditAPI
internal import AuditLog
internal import Cryptography
internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import RPC
internal import RPCTestSupport
internal import SealedStore
internal import ServiceKit
internal import TestSupport
internal import Testing
internal import TransparencyLog

/// A served log, and a directory for what outsiders keep.
private struct LogStage {
  let audit: AuditClient
  let log: AuditLog
  let witness: NoteSigner
  let directory: URL

  static func signer(_ name: String, _ kind: NoteKey.Kind, seed: UInt8) throws -> NoteSigner {
    try NoteSigner(
      name: name, kind: kind,
      key: SigningKey(seed: SecretBytes(copying: [UInt8](repeating: seed, count: 32))))
  }

  /// Serves a log; logs of the same name in two stages are forks of each other.
  static func with(
    keeping kept: URL? = nil, _ body: (LogStage) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      let key = try SealingKey(
        id: KeyID(rawValue: 1), secret: SecretBytes(random: SystemRandom(), count: 32))
      let store = try SealedStore.open(
        at: directory.appending(path: "store"), keys: SealingKeyRing(current: key),
        tables: AuditLog.tables, configuration: StoreConfiguration(serviceName: "test"))
      defer { store.close() }
      let witness = try signer("witness/w1", .cosignature, seed: 2)
      var configuration = AuditLogConfiguration()
      configuration.witnesses = [witness.key]
      configuration.checkpointIntervalMs = 600_000
      let log = AuditLog(
        store: store, time: SystemTime(), signer: try signer("tacit/test", .note, seed: 1),
        configuration: configuration)
      try await log.publish()
      try await withLoopbackServer({ AuditService(audit: log).register(on: &$0) }) {
        try await body(
          LogStage(
            audit: AuditClient($0), log: log, witness: witness, directory: kept ?? directory))
      }
    }
  }

  func append(_ count: Int) async throws {
    for _ in 0..<count {
      try await log.append(AuditEntry(principal: "spiffe://tacit/user/admin/dev", action: "a"))
    }
    try await log.publish()
  }

  var policy: TrustPolicy {
    get throws { try TrustPolicy(logs: [log.verifyingKey()]) }
  }

  var memory: WitnessFile { WitnessFile(directory.appending(path: "witness.json")) }

  func visit() async throws -> Checkpoint {
    try await WitnessRound(
      audit, memory: memory, signer: witness, logs: [log.verifyingKey()], options: CallOptions()
    ).run(at: SystemTime().now)
  }

  var copy: LogDirectory { LogDirectory(directory.appending(path: "copy")) }

  @discardableResult
  func export(cosigned: Bool = false) async throws -> LogExport.Outcome {
    try await LogExport(audit, into: copy, options: CallOptions()).run(
      policy: policy, isCosigned: cosigned, progress: { _, _ in })
  }
}

@Suite("Copies of a log")
struct LogExportTests {
  @Test("a copy verifies, and is continued with only what is new")
  func continued() async throws {
    try await LogStage.with { stage in
      #expect(try await stage.export().fileCount == 0)
      try await stage.append(300)
      let first = try await stage.export()
      #expect(first.checkpoint.treeSize == 300)
      #expect(first.fileCount == 5)
      let check = try TiledLogCheck(checkpoint: first.checkpoint, read: stage.copy.read)
      #expect(check.problems.isEmpty)
      #expect(try await stage.export().fileCount == 0)
      try await stage.append(1)
      #expect(try await stage.export().fileCount == 2)
      #expect(try stage.policy.verify(stage.copy.checkpoint()).checkpoint.treeSize == 301)
    }
  }

  @Test("a fork and a rollback of a copied log are refused")
  func forked() async throws {
    try await withTemporaryDirectory { kept in
      try await LogStage.with(keeping: kept) { stage in
        try await stage.append(5)
        try await stage.export()
      }
      try await LogStage.with(keeping: kept) { other in
        try await other.append(3)
        await #expect(throws: CommandFailure.self) { try await other.export() }
        try await other.append(4)
        await #expect(throws: TransparencyLogError.notConsistent(oldSize: 5, newSize: 7)) {
          try await other.export()
        }
        #expect(try Checkpoint(text: other.copy.checkpoint().text).treeSize == 5)
      }
    }
  }

  @Test("a copy with a changed file is not continued, and says which file")
  func damagedCopy() async throws {
    try await LogStage.with { stage in
      try await stage.append(300)
      try await stage.export()
      var bytes = try #require(try stage.copy.read("tile/entries/000"))
      bytes[50] ^= 1
      try stage.copy.write(bytes, to: "tile/entries/000")
      try await stage.append(1)
      let error = await #expect(throws: CommandFailure.self) { try await stage.export() }
      #expect(try #require(error).description.contains("tile/entries/000: entry 0"))
      #expect(try Checkpoint(text: stage.copy.checkpoint().text).treeSize == 300)
    }
  }

  @Test("nothing is copied from a log that the policy does not know")
  func unknownLog() async throws {
    try await LogStage.with { stage in
      try await stage.append(1)
      let other = try LogStage.signer("tacit/test", .note, seed: 9)
      await #expect(throws: TransparencyLogError.notSigned(origin: "tacit/test")) {
        try await LogExport(stage.audit, into: stage.copy, options: CallOptions()).run(
          policy: TrustPolicy(logs: [other.key]), isCosigned: false, progress: { _, _ in })
      }
      #expect(throws: CommandFailure.self) { try stage.copy.checkpoint() }
    }
  }

  @Test("a file of the largest bundle is read, a larger one is not")
  func fileLimit() async throws {
    try await withTemporaryDirectory { directory in
      let file = directory.appending(path: "file")
      try Data(repeating: 1, count: 100).write(to: file)
      #expect(try LogDirectory.bytes(of: file, limit: 100).count == 100)
      #expect(throws: CommandFailure.self) { try LogDirectory.bytes(of: file, limit: 99) }
      #expect(throws: CommandFailure.self) {
        try LogDirectory.bytes(of: directory.appending(path: "none"), limit: 99)
      }
    }
  }
}

@Suite("A witness at work")
struct WitnessWorkTests {
  @Test("each visit cosigns what has grown, and the service keeps the cosignature")
  func visits() async throws {
    try await LogStage.with { stage in
      for size in [0, 4, 4, 9] as [UInt64] {
        let count = Int(size) - Int(try stage.log.count())
        try await stage.append(count)
        #expect(try await stage.visit().treeSize == size)
        #expect(try stage.memory.last(of: "tacit/test")?.treeSize == size)
        let policy = try TrustPolicy(
          logs: [stage.log.verifyingKey()], witnesses: [stage.witness.key], threshold: 1)
        let cosigned = try #require(try stage.log.newestCosigned())
        #expect(try policy.verify(cosigned.note).checkpoint.treeSize == size)
      }
      #expect(try await stage.export(cosigned: true).checkpoint.treeSize == 9)
    }
  }

  @Test("a rollback and a fork are told by name, and nothing of them is remembered")
  func misbehaviour() async throws {
    try await withTemporaryDirectory { kept in
      try await LogStage.with(keeping: kept) { stage in
        try await stage.append(5)
        _ = try await stage.visit()
      }
      try await LogStage.with(keeping: kept) { other in
        try await other.append(3)
        await #expect(
          throws: TransparencyLogError.rollback(origin: "tacit/test", seen: 5, offered: 3)
        ) {
          try await other.visit()
        }
        try await other.append(2)
        await #expect(throws: TransparencyLogError.fork(origin: "tacit/test", size: 5)) {
          try await other.visit()
        }
        try await other.append(2)
        await #expect(throws: TransparencyLogError.notConsistent(oldSize: 5, newSize: 7)) {
          try await other.visit()
        }
        #expect(try other.memory.last(of: "tacit/test")?.treeSize == 5)
        #expect(try other.log.newestCosigned() == nil)
      }
    }
  }

  @Test("a witness whose memory is damaged cosigns nothing")
  func damagedMemory() async throws {
    try await LogStage.with { stage in
      try await stage.append(2)
      _ = try await stage.visit()
      let file = stage.directory.appending(path: "witness.json")
      let whole = try Data(contentsOf: file)
      for damaged in [Data(), whole.dropLast(3), Data("[{\"origin\":\"o\"}]".utf8)] {
        try damaged.write(to: file)
        await #expect(throws: CommandFailure.self) { try await stage.visit() }
      }
      try whole.write(to: file)
      #expect(try await stage.visit().treeSize == 2)
    }
  }

  @Test("requests that race are decided one after the other: no cosignature rolls back")
  func races() async throws {
    try await LogStage.with { stage in
      var requests: [AddCheckpointRequest] = []
      for size in 1...8 as ClosedRange<UInt64> {
        try await stage.append(1)
        let note = try #require(try stage.log.newestCheckpoint()).note
        requests.append(try AddCheckpointRequest(oldSize: 0, proof: [], note: note))
        #expect(try Checkpoint(text: note.text).treeSize == size)
      }
      let logs = [try stage.log.verifyingKey()]
      let accepted = await withTaskGroup(of: Bool.self) { group in
        for request in requests {
          group.addTask { [memory = stage.memory, witness = stage.witness] in
            (try? memory.cosign(request, logs: logs, signer: witness, at: SystemTime().now)) != nil
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      // All begin at 0: only the first to be decided can be right about that.
      #expect(accepted == 1)
    }
  }
}
