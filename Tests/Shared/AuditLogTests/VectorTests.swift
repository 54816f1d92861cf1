internal import AuditLog
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing
internal import TransparencyLog

/// The recorded log in Tests/Vectors/transparency-log/own: what a log of this project looks like, byte
/// for byte, for other verifiers. `TACIT_RECORD_VECTORS=1` records it anew.
@Suite("The recorded log")
struct VectorTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Vectors/transparency-log/own")
  private static let entryCount: UInt64 = 300

  /// The files of the log that always the same steps make.
  private func make() async throws -> [String: [UInt8]] {
    try await withTemporaryDirectory { directory in
      let witnesses = try (1...3).map {
        try LogFixture.signer("witness.example/w\($0)", .cosignature, seed: 100 + UInt8($0))
      }
      var configuration = AuditLogConfiguration()
      configuration.witnesses = witnesses.map(\.key)
      // Nothing is signed or logged but when this test says so.
      configuration.checkpointIntervalMs = 600_000
      configuration.readIntervalMs = 600_000
      let store = try LogFixture.openStore(at: directory)
      defer { store.close() }
      let time = ManualTime()
      let log = AuditLog(
        store: store, time: time, random: SeededRandom(seed: 7),
        signer: try LogFixture.signer("log.example/consent"), configuration: configuration)
      var files: [String: [UInt8]] = [:]
      for index in 0..<Self.entryCount {
        time.advance(microseconds: 1_500_000)
        if index == 150 {
          for read in 0..<5 { try log.recordRead(LogFixture.entry("read.\(read)")) }
          try await log.flushReads()
        } else {
          try await log.append(
            LogFixture.entry("test.act", [("index", String(index))]))
        }
        if index == 99 { files["checkpoint-100"] = try await log.publish().note.encoded }
      }
      let signed = try await log.publish()
      for witness in witnesses.prefix(2) {
        _ = try await log.cosign(
          treeSize: signed.treeSize, signature: witness.sign(signed.note.text, at: time.now))
      }
      files["checkpoint"] = try #require(try log.newestCosigned()).note.encoded
      for tile in try TileCoordinate.all(.entries, treeSize: Self.entryCount) {
        files[tile.path] = try TileCoding.encode(entries: log.leaves(of: tile))
      }
      for level in 0..<TileCoordinate.levelCount(treeSize: Self.entryCount) {
        for tile in try TileCoordinate.all(.hashes(level: level), treeSize: Self.entryCount) {
          files[tile.path] = TileCoding.encode(try log.tile(tile))
        }
      }
      for index in [0, 150, 255, 256, 299] as [UInt64] {
        files["entry-\(index).tlog-proof"] = try log.proof(of: index, cosigned: true).encoded
      }
      files["consistency-100-300"] = Array(
        try log.consistencyProof(oldSize: 100, newSize: Self.entryCount).path
          .map { "\($0)\n" }.joined().utf8)
      let opening = try log.opening(of: 41)
      files["entry-41.content"] = opening.content
      files["entry-41.salt"] = Array((Base64.encode(opening.salt) + "\n").utf8)
      var policy = "log \(try log.verifyingKey().text())\n"
      for (index, witness) in witnesses.enumerated() {
        policy += "witness w\(index + 1) \(try witness.key.text())\n"
      }
      policy += "group two 2 w1 w2 w3\nquorum two\n"
      files["policy"] = Array(policy.utf8)
      return files
    }
  }

  @Test("the same steps make the recorded files, and they verify")
  func recorded() async throws {
    let files = try await make()
    #expect(files.count == 16)
    if ProcessInfo.processInfo.environment["TACIT_RECORD_VECTORS"] == "1" {
      for (path, bytes) in files {
        let url = Self.folder.appending(path: path)
        try FileManager.default.createDirectory(
          at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
      }
    }
    for (path, bytes) in files {
      let recorded = try Data(contentsOf: Self.folder.appending(path: path))
      #expect([UInt8](recorded) == bytes, "\(path)")
    }
    let policy = try TrustPolicy(
      text: String(decoding: try #require(files["policy"]), as: UTF8.self))
    let verified = try policy.verify(SignedNote(encoded: try #require(files["checkpoint"])))
    #expect(
      verified.cosignatures.keys.sorted() == ["witness.example/w1", "witness.example/w2"])
    let check = try TiledLogCheck(checkpoint: verified.checkpoint) { files[$0] }
    #expect(check.problems.isEmpty)
  }

  @Test("a changed file is named: each of them, by a bit, by its end, by its absence")
  func changedFiles() async throws {
    let files = try await make()
    let note = try SignedNote(encoded: try #require(files["checkpoint"]))
    let checkpoint = try Checkpoint(text: note.text)
    for (path, bytes) in files where path.hasPrefix("tile/") {
      var flipped = bytes
      flipped[bytes.count / 2] ^= 1
      for changed in [flipped, Array(bytes.dropLast()), bytes + [0], nil] {
        var copy = files
        copy[path] = changed
        let problems = try TiledLogCheck(checkpoint: checkpoint) { copy[$0] }.problems
        #expect(!problems.isEmpty, "\(path)")
        // An entry that was changed shows in its bundle, a hash where it is compared.
        let level0 = path.replacing("entries", with: "0")
        #expect(
          problems.contains { [path, level0].contains($0.path) || $0.what.contains(path) }
            || problems.contains { $0.path == level0.replacing("tile/0", with: "tile/entries") },
          "\(path): \(problems)")
      }
    }
  }

  @Test("entries swapped within their bundle are both named")
  func swapped() async throws {
    var files = try await make()
    let path = "tile/entries/000"
    var entries = try TileCoding.decode(bundle: try #require(files[path]), width: 256)
    entries.swapAt(3, 7)
    files[path] = try TileCoding.encode(entries: entries)
    let note = try SignedNote(encoded: try #require(files["checkpoint"]))
    let check = try TiledLogCheck(checkpoint: Checkpoint(text: note.text)) { files[$0] }
    #expect(
      check.problems.map(\.description)
        == [3, 7].map {
          "tile/entries/000: entry \($0) is not the one whose hash stands in tile/0/000"
        })
  }

  @Test("a log that is whole in itself but not the checkpoint's is refused; many problems are cut")
  func otherLog() async throws {
    let files = try await make()
    let note = try SignedNote(encoded: try #require(files["checkpoint"]))
    let real = try Checkpoint(text: note.text)
    let lie = try Checkpoint(
      origin: real.origin, treeSize: real.treeSize, rootHash: MerkleHash.leaf([1]))
    #expect(
      try TiledLogCheck(checkpoint: lie) { files[$0] }.problems.map(\.path) == ["checkpoint"])
    let nothing = try Checkpoint(
      origin: real.origin, treeSize: 1_000_000, rootHash: real.rootHash)
    #expect(
      try TiledLogCheck(checkpoint: nothing) { _ in nil }.problems.count
        == TiledLogCheck.problemCountMax)
    let rejected = try TiledLogCheck(
      checkpoint: real, entry: { index, _ in index == 12 ? "is not liked" : nil }
    ) { files[$0] }
    #expect(rejected.problems.map(\.description) == ["tile/entries/000: entry 12 is not liked"])
  }
}
