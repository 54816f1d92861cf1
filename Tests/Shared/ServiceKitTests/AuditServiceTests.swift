internal import AuditAPI
internal import AuditLog
internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import RPC
internal import RPCTestSupport
internal import SealedStore
internal import ServiceKit
internal import TestSupport
internal import Testing
internal import TransparencyLog

@Suite("A service's log for outsiders")
struct AuditServiceTests {
  private func signer(_ name: String, _ kind: NoteKey.Kind, seed: UInt8) throws -> NoteSigner {
    try NoteSigner(
      name: name, kind: kind,
      key: SigningKey(seed: SecretBytes(copying: [UInt8](repeating: seed, count: 32))))
  }

  private func serving(
    entryCount: Int, _ body: (AuditClient, AuditLog, NoteSigner) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      let key = try SealingKey(
        id: KeyID(rawValue: 1), secret: SecretBytes(random: SystemRandom(), count: 32))
      let store = try SealedStore.open(
        at: directory, keys: SealingKeyRing(current: key), tables: AuditLog.tables,
        configuration: StoreConfiguration(serviceName: "test"))
      defer { store.close() }
      let witness = try signer("witness/w1", .cosignature, seed: 2)
      var configuration = AuditLogConfiguration()
      configuration.witnesses = [witness.key]
      configuration.checkpointIntervalMs = 600_000
      let log = AuditLog(
        store: store, time: SystemTime(), signer: try signer("tacit/test", .note, seed: 1),
        configuration: configuration)
      for _ in 0..<entryCount {
        try await log.append(AuditEntry(principal: "spiffe://tacit/user/admin/dev", action: "a"))
      }
      try await log.publish()
      try await withLoopbackServer({ AuditService(audit: log).register(on: &$0) }) {
        try await body(AuditClient($0), log, witness)
      }
    }
  }

  @Test("tiles, bundles and proofs of a served log lead to its checkpoint")
  func reading() async throws {
    try await serving(entryCount: 300) { audit, log, _ in
      let reply = try await audit.checkpoint(CheckpointRequest())
      let key = try NoteKey(text: reply.key)
      let policy = try TrustPolicy(logs: [key])
      let checkpoint = try policy.verify(SignedNote(encoded: reply.note)).checkpoint
      #expect(checkpoint.treeSize == 300)

      let tile = try await audit.tile(TileRequest(level: 0, index: 1, width: 44))
      let bundle = try await audit.entries(EntriesRequest(index: 1, width: 44))
      let hashes = try TileCoding.decode(tile: tile.hashes, width: 44)
      let leaves = try TileCoding.decode(bundle: bundle.bundle, width: 44)
      #expect(try leaves.map { try MerkleHash.leaf($0) } == hashes)

      let inclusion = try await audit.proveInclusion(ProveInclusionRequest(index: 299))
      #expect(inclusion.treeSize == 300)
      #expect(inclusion.leaf == leaves.last)
      #expect(inclusion.note == reply.note)
      try InclusionProof(
        leafIndex: 299, treeSize: 300, path: inclusion.path.compactMap { MerkleHash($0) }
      ).verify(leaf: .leaf(inclusion.leaf), root: checkpoint.rootHash)
      // A size without a kept checkpoint gives a proof without a note.
      let bare = try await audit.proveInclusion(
        ProveInclusionRequest(index: 5, treeSize: 77))
      #expect(bare.note.isEmpty && bare.treeSize == 77)

      let consistency = try await audit.proveConsistency(
        ProveConsistencyRequest(oldSize: 77, newSize: 300))
      try ConsistencyProof(
        oldSize: 77, newSize: 300, path: consistency.path.compactMap { MerkleHash($0) }
      ).verify(
        oldRoot: InclusionProof(
          leafIndex: 5, treeSize: 77, path: bare.path.compactMap { MerkleHash($0) }
        ).root(from: .leaf(bare.leaf)), newRoot: checkpoint.rootHash)
    }
  }

  @Test("what is not there is refused with its reason")
  func refusals() async throws {
    try await serving(entryCount: 10) { audit, _, _ in
      func refuses(
        _ code: StatusCode, _ body: () async throws -> Void
      ) async {
        let error = await #expect(throws: RPCError.self) { try await body() }
        #expect(error?.code == code)
      }
      await refuses(.notFound) {
        _ = try await audit.checkpoint(CheckpointRequest(cosigned: true))
      }
      for (level, index, width) in [(0, 0, 11), (0, 1, 1), (1, 0, 1), (9, 0, 1)]
        as [(UInt32, UInt64, UInt32)]
      {
        await refuses(.outOfRange) {
          _ = try await audit.tile(TileRequest(level: level, index: index, width: width))
        }
      }
      for (level, index, width) in [(64, 0, 1), (0, 0, 0), (0, 0, 257), (0, .max, 1)]
        as [(UInt32, UInt64, UInt32)]
      {
        await refuses(.invalidArgument) {
          _ = try await audit.tile(TileRequest(level: level, index: index, width: width))
        }
      }
      await refuses(.outOfRange) {
        _ = try await audit.entries(EntriesRequest(index: 0, width: 11))
      }
      for (index, size) in [(10, 10), (0, 11), (5, .max), (10, 0)] as [(UInt64, UInt64)] {
        await refuses(.outOfRange) {
          _ = try await audit.proveInclusion(
            ProveInclusionRequest(index: index, treeSize: size))
        }
      }
      for (old, new) in [(5, 11), (6, 5), (0, .max)] as [(UInt64, UInt64)] {
        await refuses(.outOfRange) {
          _ = try await audit.proveConsistency(
            ProveConsistencyRequest(oldSize: old, newSize: new))
        }
      }
    }
  }

  @Test("a witness's cosignature is taken, a stranger's and a malformed one are not")
  func cosigning() async throws {
    try await serving(entryCount: 3) { audit, _, witness in
      let note = try SignedNote(
        encoded: try await audit.checkpoint(CheckpointRequest()).note)
      let line = try witness.sign(note.text, at: SystemTime().now).line
      let reply = try await audit.cosign(CosignRequest(treeSize: 3, signature: line))
      #expect(reply.cosignerCount == 1)
      let cosigned = try SignedNote(
        encoded: try await audit.checkpoint(CheckpointRequest(cosigned: true)).note)
      #expect(cosigned.signatures.count == 2)
      let stranger = try signer("witness/w2", .cosignature, seed: 3)
      let cases: [(String, UInt64, StatusCode)] = [
        (try stranger.sign(note.text, at: SystemTime().now).line, 3, .permissionDenied),
        (try witness.sign("another\n", at: SystemTime().now).line, 3, .permissionDenied),
        (line, 7, .notFound), ("nonsense", 3, .invalidArgument),
      ]
      for (line, size, code) in cases {
        let error = await #expect(throws: RPCError.self) {
          try await audit.cosign(CosignRequest(treeSize: size, signature: line))
        }
        #expect(error?.code == code)
      }
    }
  }
}
