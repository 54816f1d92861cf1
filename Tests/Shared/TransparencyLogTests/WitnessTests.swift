internal import PrivacyCore
internal import Testing
internal import TransparencyLog

@Suite("The witness's rules")
struct WitnessTests {
  private let time = Timestamp(seconds: 1_700_000_000)
  private let origin = "log.example"

  private func note(
    _ tree: MemoryTree, size: Int, signedBy signer: NoteSigner
  ) throws -> SignedNote {
    let checkpoint = try Checkpoint(
      origin: origin, treeSize: UInt64(size), rootHash: tree.roots[size])
    var note = try SignedNote(text: checkpoint.text)
    try note.add(signer.sign(note.text, at: time))
    return note
  }

  private func check(
    _ tree: MemoryTree, from old: Int, to size: Int, last: WitnessedTree?, seed: UInt8 = 1
  ) throws -> WitnessedTree {
    let proof = try ConsistencyProof(oldSize: UInt64(old), newSize: UInt64(size), tree.node)
    return try Witness.check(
      note(tree, size: size, signedBy: signer(origin, seed: seed)),
      logs: [signer(origin).key], oldSize: UInt64(old), proof: proof.path, last: last)
  }

  @Test("a log that only grows is vouched for again and again")
  func growing() throws {
    let tree = try MemoryTree(count: 20)
    var last: WitnessedTree?
    for (old, size) in [(0, 0), (0, 1), (1, 1), (1, 8), (8, 13), (13, 20)] {
      last = try check(tree, from: old, to: size, last: last)
      #expect(
        last
          == WitnessedTree(
            origin: origin, treeSize: UInt64(size), rootHash: tree.roots[size]))
    }
  }

  @Test("a rollback, a fork, a false proof and a false key are told apart")
  func misbehaviour() throws {
    let tree = try MemoryTree(count: 20)
    let fork = try MemoryTree(
      entries: (0..<20).map { Array("entry \($0 == 9 ? 99 : $0)".utf8) })
    let last = WitnessedTree(origin: origin, treeSize: 13, rootHash: tree.roots[13])
    #expect(throws: TransparencyLogError.rollback(origin: origin, seen: 13, offered: 12)) {
      try check(tree, from: 12, to: 12, last: last)
    }
    #expect(throws: TransparencyLogError.fork(origin: origin, size: 13)) {
      try check(fork, from: 13, to: 13, last: last)
    }
    #expect(throws: TransparencyLogError.notConsistent(oldSize: 13, newSize: 20)) {
      try check(fork, from: 13, to: 20, last: last)
    }
    #expect(throws: TransparencyLogError.staleRequest(origin: origin, seen: 13)) {
      try check(tree, from: 8, to: 20, last: last)
    }
    #expect(throws: TransparencyLogError.staleRequest(origin: origin, seen: 0)) {
      try check(tree, from: 8, to: 20, last: nil)
    }
    #expect(throws: TransparencyLogError.notSigned(origin: origin)) {
      try check(tree, from: 13, to: 20, last: last, seed: 2)
    }
    let other = WitnessedTree(origin: "log.other", treeSize: 13, rootHash: tree.roots[13])
    #expect(throws: TransparencyLogError.otherOrigin(found: origin, expected: "log.other")) {
      try check(tree, from: 13, to: 20, last: other)
    }
    _ = try check(tree, from: 13, to: 20, last: last)
  }

  @Test("a request reads back; cut anywhere it is refused")
  func request() throws {
    let tree = try MemoryTree(count: 20)
    let request = try AddCheckpointRequest(
      oldSize: 13, proof: ConsistencyProof(oldSize: 13, newSize: 20, tree.node).path,
      note: note(tree, size: 20, signedBy: signer(origin)))
    let bytes = request.encoded
    #expect(try AddCheckpointRequest(encoded: bytes) == request)
    #expect(bytes.starts(with: Array("old 13\n".utf8)))
    for byteCount in 0..<bytes.count {
      #expect(throws: TransparencyLogError.self, "\(byteCount) bytes") {
        try AddCheckpointRequest(encoded: Array(bytes[..<byteCount]))
      }
    }
    for head in ["old 013\n\n", "old\n\n", "new 13\n\n", "old 13\nAAAA\n\n", "old 13\n"] {
      #expect(throws: TransparencyLogError.self) {
        try AddCheckpointRequest(encoded: Array(head.utf8) + request.note.encoded)
      }
    }
  }

  @Test("a request carries up to 63 hashes, a proof up to 64")
  func limits() throws {
    let tree = try MemoryTree(count: 1)
    let note = try note(tree, size: 1, signedBy: signer(origin))
    let hashes = [MerkleHash](repeating: tree.leaves[0], count: 63)
    let request = try AddCheckpointRequest(oldSize: 0, proof: hashes, note: note)
    #expect(try AddCheckpointRequest(encoded: request.encoded).proof.count == 63)
    #expect(throws: TransparencyLogError.self) {
      try AddCheckpointRequest(oldSize: 0, proof: hashes + [tree.leaves[0]], note: note)
    }
    let line = Array("\(tree.leaves[0])\n".utf8)
    let heading = Array("old 0\n".utf8)
    #expect(throws: TransparencyLogError.tooLarge("hashes of a proof", count: 64, limit: 63)) {
      try AddCheckpointRequest(encoded: heading + line + request.encoded.dropFirst(heading.count))
    }
    let proof = LogProof(index: 0, path: hashes + [tree.leaves[0]], note: note)
    #expect(try LogProof(encoded: proof.encoded).path.count == 64)
    let longer = LogProof(index: 0, path: proof.path + [tree.leaves[0]], note: note)
    #expect(throws: TransparencyLogError.tooLarge("hashes of a proof", count: 65, limit: 64)) {
      try LogProof(encoded: longer.encoded)
    }
  }

  @Test("a proof file verifies offline and reads back; changed in any byte or cut it does not")
  func proofFile() throws {
    let entries = (0..<20).map { Array("entry \($0)".utf8) }
    let tree = try MemoryTree(entries: entries)
    let policy = try TrustPolicy(logs: [signer(origin).key])
    let inclusion = try InclusionProof(leafIndex: 7, treeSize: 20, tree.node)
    for extra in [[], Array("more".utf8)] as [[UInt8]] {
      let proof = LogProof(
        index: 7, path: inclusion.path,
        note: try note(tree, size: 20, signedBy: signer(origin)), extra: extra)
      let bytes = proof.encoded
      #expect(try LogProof(encoded: bytes) == proof)
      #expect(try proof.verify(entry: entries[7], policy: policy).checkpoint.treeSize == 20)
      #expect(throws: TransparencyLogError.notIncluded(leafIndex: 7, treeSize: 20)) {
        try proof.verify(entry: entries[8], policy: policy)
      }
      for byteCount in 0..<bytes.count {
        #expect(throws: TransparencyLogError.self) {
          try LogProof(encoded: Array(bytes[..<byteCount]))
        }
      }
      guard extra.isEmpty else { continue }
      for position in bytes.indices {
        var changed = bytes
        changed[position] ^= 4
        #expect(throws: TransparencyLogError.self, "byte \(position)") {
          try LogProof(encoded: changed).verify(entry: entries[7], policy: policy)
        }
      }
    }
    let outside = LogProof(
      index: 20, path: [], note: try note(tree, size: 20, signedBy: signer(origin)))
    #expect(throws: TransparencyLogError.outOfRange("leaf 20", treeSize: 20)) {
      try outside.verify(entry: [], policy: policy)
    }
  }

  @Test("a proof of 256 KiB is read, a longer one is not")
  func proofByteLimit() throws {
    let tree = try MemoryTree(count: 1)
    let note = try note(tree, size: 1, signedBy: signer(origin))
    let bare = LogProof(index: 0, path: [], note: note).encoded.count
    // Base64 makes 4 bytes of 3, and "extra " and the newline stand around it.
    let fitting = (LogProof.byteCountMax - bare - 7) / 4 * 3
    let longest = LogProof(
      index: 0, path: [], note: note, extra: [UInt8](repeating: 1, count: fitting))
    #expect(try LogProof(encoded: longest.encoded) == longest)
    let longer = LogProof(
      index: 0, path: [], note: note, extra: [UInt8](repeating: 1, count: fitting + 3))
    #expect(throws: TransparencyLogError.self) { try LogProof(encoded: longer.encoded) }
  }

  @Test("a commitment needs its salt, and every salt gives another")
  func commitment() throws {
    let salt = SaltedCommitment.salt(SystemRandom())
    #expect(salt.count == 32)
    let content = Array("content".utf8)
    let commitment = try SaltedCommitment(salt: salt, content: content)
    #expect(try SaltedCommitment(salt: salt, content: content) == commitment)
    #expect(
      try SaltedCommitment(salt: SaltedCommitment.salt(SystemRandom()), content: content)
        != commitment)
    for byteCount in [0, 31, 33] {
      #expect(throws: TransparencyLogError.malformed("a salt of \(byteCount) bytes")) {
        try SaltedCommitment(salt: [UInt8](repeating: 0, count: byteCount), content: content)
      }
    }
    // The heading, as the documentation gives it.
    let zero = [UInt8](repeating: 0, count: 32)
    #expect(
      try SaltedCommitment(salt: zero, content: []).hash.bytes
        == Hexadecimal.decode("3a5d7cc623ede154e6b40377ec31bf81b666d91aaf38d8c6a6262204de3320aa"))
  }
}
