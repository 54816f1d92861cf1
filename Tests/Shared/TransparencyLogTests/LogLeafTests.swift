internal import Testing
internal import TransparencyLog

@Suite("Leaves of a log")
struct LogLeafTests {
  private func examples() throws -> [LogLeaf] {
    let hash = try MerkleHash.leaf([1])
    return [
      try LogLeaf(seconds: 1_768_048_496, action: "consent.withdraw", commitment: hash),
      try LogLeaf(
        seconds: -1, action: "a", commitment: hash, content: .reads(count: 0, root: hash)),
      try LogLeaf(
        seconds: 0, action: "b", commitment: hash, content: .batch(count: 7, root: hash)),
      try LogLeaf(
        seconds: 0, action: "audit.gap", commitment: hash,
        content: .gap(from: -5, to: 5, reason: "unclean-stop")),
    ]
  }

  @Test("a leaf reads back; cut or with any byte changed it does not read as the same")
  func roundTrip() throws {
    for leaf in try examples() {
      let bytes = leaf.encoded
      #expect(try LogLeaf(encoded: bytes) == leaf)
      for byteCount in 0..<bytes.count {
        let cut = try? LogLeaf(encoded: Array(bytes[..<byteCount]))
        // Without its last line, what is left of a batch or a gap is an entry: another leaf.
        #expect(cut == nil || cut?.content == .entry && leaf.content != .entry)
      }
      for position in bytes.indices {
        var changed = bytes
        changed[position] ^= 1
        #expect((try? LogLeaf(encoded: changed)) != leaf)
      }
    }
  }

  @Test(
    "other texts are no leaves",
    arguments: [
      "", "\n", "HEAD\n", "HEAD\ntime 1\naction a\n", "HEAD\ntime 01\naction a\nHASH\n",
      "HEAD\ntime +1\naction a\nHASH\n", "HEAD\ntime 1\naction A\nHASH\n",
      "HEAD\ntime 1\naction a\nHASH\n\n", "HEAD\ntime 1\naction a\nHASH\nmore\n",
      "HEAD\ntime 1\naction a\nHASH\nreads 01 ROOT\n", "HEAD\ntime 1\naction a\nHASH\ngap 2 1 r\n",
      "HEAD\ntime 1\naction a\nHASH\ngap 1 2 R\n", "HEAD\ntime 1\naction a\nHASH\nreads 1\n",
      "HEAD\ntime 1\naction  a\nHASH\n", "HEAD\r\ntime 1\naction a\nHASH\n",
      "HEAD\ntime 1\naction a\nHASH\nreads 1 ROOT\ngap 1 2 r\n",
    ])
  func malformed(text: String) throws {
    let root = try MerkleHash.leaf([1]).description
    let filled = text.replacing("HEAD", with: "tacit-leaf/v1")
      .replacing("HASH", with: "commitment \(root)").replacing("ROOT", with: root)
    #expect(throws: TransparencyLogError.self) { try LogLeaf(encoded: Array(filled.utf8)) }
    #expect(throws: TransparencyLogError.self) {
      try LogLeaf(encoded: [0xFF] + Array(filled.utf8))
    }
  }

  @Test("actions and reasons have up to 64 bytes")
  func limits() throws {
    let hash = try MerkleHash.leaf([1])
    let longest = String(repeating: "a", count: 64)
    let leaf = try LogLeaf(
      seconds: .min, action: longest, commitment: hash,
      content: .gap(from: .min, to: .max, reason: longest))
    #expect(try LogLeaf(encoded: leaf.encoded) == leaf)
    #expect(throws: TransparencyLogError.malformed("the action of a leaf")) {
      try LogLeaf(seconds: 0, action: longest + "a", commitment: hash)
    }
    #expect(throws: TransparencyLogError.malformed("the reason of a gap")) {
      try LogLeaf(
        seconds: 0, action: "a", commitment: hash,
        content: .gap(from: 0, to: 0, reason: longest + "a"))
    }
    #expect(throws: TransparencyLogError.malformed("a gap that ends before it begins")) {
      try LogLeaf(
        seconds: 0, action: "a", commitment: hash, content: .gap(from: 1, to: 0, reason: "r"))
    }
  }
}
