internal import PrivacyCore
internal import Testing
internal import TransparencyLog

@Suite("Checkpoints and policies")
struct CheckpointTests {
  private let time = Timestamp(seconds: 1_700_000_000)

  private func checkpoint(
    _ origin: String = "log.example", size: UInt64 = 3
  ) throws -> Checkpoint {
    try Checkpoint(origin: origin, treeSize: size, rootHash: .leaf([UInt8(size)]))
  }

  private func note(
    _ checkpoint: Checkpoint, signedBy signers: [NoteSigner]
  ) throws -> SignedNote {
    var note = try SignedNote(text: checkpoint.text)
    for signer in signers { try note.add(signer.sign(note.text, at: time)) }
    return note
  }

  @Test("the example of the specification reads and is written the same")
  func example() throws {
    let text =
      "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    let checkpoint = try Checkpoint(text: text)
    #expect(checkpoint.origin == "example.com/behind-the-sofa")
    #expect(checkpoint.treeSize == 20_852_163)
    #expect(checkpoint.text == text)
    #expect(try Checkpoint(text: text + "an extension\n").extensions == ["an extension"])
  }

  @Test(
    "malformed checkpoints are refused",
    arguments: [
      "", "a\n1\n", "\n1\nHASH\n", "a\n01\nHASH\n", "a\n-1\nHASH\n", "a\n+1\nHASH\n",
      "a\n1 \nHASH\n",
      "a\n9223372036854775808\nHASH\n", "a\n1\nHASHA\n", "a\n1\nHASH", "a\n1\nHASH\n\n",
      "a\n1\nHASH\n\nx\n", "a\n\u{661}\nHASH\n", "a\n1\n\n",
    ])
  func malformed(text: String) throws {
    let hash = try MerkleHash.leaf([1]).description
    #expect(throws: TransparencyLogError.self) {
      try Checkpoint(text: text.replacing("HASH", with: hash))
    }
    #expect(try Checkpoint(text: "a\n1\n\(hash)\n").treeSize == 1)
    #expect(try Checkpoint(text: "a\n9223372036854775807\n\(hash)\n").treeSize == .max / 2)
  }

  @Test("an origin has 1 to 255 bytes, a checkpoint up to 16 extension lines")
  func limits() throws {
    let root = try MerkleHash.leaf([])
    for origin in ["o", String(repeating: "o", count: 255)] {
      #expect(try Checkpoint(origin: origin, treeSize: 0, rootHash: root).origin == origin)
    }
    for origin in ["", "a\nb", String(repeating: "o", count: 256)] {
      #expect(throws: TransparencyLogError.self) {
        try Checkpoint(origin: origin, treeSize: 0, rootHash: root)
      }
    }
    let lines = [String](repeating: "x", count: 16)
    _ = try Checkpoint(origin: "o", treeSize: 0, rootHash: root, extensions: lines)
    for lines in [lines + ["x"], [""], ["a\nb"]] {
      #expect(throws: TransparencyLogError.self) {
        try Checkpoint(origin: "o", treeSize: 0, rootHash: root, extensions: lines)
      }
    }
  }

  @Test("a checkpoint counts when a key of its own log signed it, and no other")
  func logSignature() throws {
    let log = try signer("log.example")
    let policy = try TrustPolicy(logs: [log.key])
    let checkpoint = try checkpoint()
    #expect(try policy.verify(note(checkpoint, signedBy: [log])).checkpoint == checkpoint)
    let stranger = try signer("log.example", seed: 2)
    #expect(throws: TransparencyLogError.notSigned(origin: "log.example")) {
      try policy.verify(note(checkpoint, signedBy: [stranger]))
    }
    // Signatures of unknown keys beside the right one do no harm.
    #expect(
      try policy.verify(note(checkpoint, signedBy: [stranger, log])).checkpoint == checkpoint)
    #expect(
      throws: TransparencyLogError.otherOrigin(found: "log.other", expected: "log.example")
    ) { try policy.verify(note(self.checkpoint("log.other"), signedBy: [log])) }
    let other = try note(self.checkpoint(size: 4), signedBy: [log])
    let moved = try SignedNote(text: checkpoint.text, signatures: other.signatures)
    #expect(throws: TransparencyLogError.falseSignature(key: "log.example")) {
      try policy.verify(moved)
    }
    #expect(throws: TransparencyLogError.notSigned(origin: "log.example")) {
      try TrustPolicy(logs: []).verify(note(checkpoint, signedBy: [log]))
    }
  }

  @Test("a key of another log does not vouch for this one")
  func foreignKey() throws {
    let a = try signer("log.a")
    let b = try signer("log.b", seed: 2)
    let policy = try TrustPolicy(logs: [a.key, b.key])
    #expect(throws: TransparencyLogError.notSigned(origin: "log.a")) {
      try policy.verify(note(checkpoint("log.a"), signedBy: [b]))
    }
  }

  @Test("k of n witnesses suffice, fewer do not, and one false one refuses all")
  func quorum() throws {
    let log = try signer("log.example")
    let witnesses = try (1...3).map { try signer("w\($0)", .cosignature, seed: 10 + $0) }
    let policy = try TrustPolicy(logs: [log.key], witnesses: witnesses.map(\.key), threshold: 2)
    let checkpoint = try checkpoint()
    for chosen in [[0, 1], [1, 2], [0, 2], [0, 1, 2]] {
      let verified = try policy.verify(
        note(checkpoint, signedBy: [log] + chosen.map { witnesses[$0] }))
      #expect(verified.cosignatures.keys.sorted() == chosen.map { "w\($0 + 1)" })
      #expect(verified.cosignatures.values.allSatisfy { $0 == 1_700_000_000 })
    }
    #expect(throws: TransparencyLogError.quorumMissed(cosigned: ["w2"])) {
      try policy.verify(note(checkpoint, signedBy: [log, witnesses[1]]))
    }
    // The same witness twice is one witness.
    var twice = try note(checkpoint, signedBy: [log, witnesses[0]])
    twice = try SignedNote(
      text: twice.text, signatures: twice.signatures + [twice.signatures[1]])
    #expect(throws: TransparencyLogError.quorumMissed(cosigned: ["w1"])) {
      try policy.verify(twice)
    }
    let stale = try note(self.checkpoint(size: 2), signedBy: [witnesses[2]]).signatures
    let good = try note(checkpoint, signedBy: [log, witnesses[0], witnesses[1]])
    #expect(throws: TransparencyLogError.falseSignature(key: "w3")) {
      try policy.verify(SignedNote(text: good.text, signatures: good.signatures + stale))
    }
    // A log's key is no witness, a witness' key no log.
    #expect(throws: TransparencyLogError.self) {
      try TrustPolicy(logs: [log.key], witnesses: [log.key], threshold: 1)
    }
    #expect(throws: TransparencyLogError.self) { try TrustPolicy(logs: [witnesses[0].key]) }
    for threshold in [-1, 4] {
      #expect(throws: TransparencyLogError.self) {
        try TrustPolicy(logs: [log.key], witnesses: witnesses.map(\.key), threshold: threshold)
      }
    }
  }

  @Test("a policy's text says the same as its parts, with groups of groups")
  func policyText() throws {
    let log = try signer("log.example")
    let witnesses = try (1...5).map { try signer("w\($0)", .cosignature, seed: 10 + $0) }
    var text = "# whom we trust\n\nlog \(try log.key.text()) https://log.example\n"
    for (index, witness) in witnesses.enumerated() {
      text += "\twitness X\(index + 1)  \(try witness.key.text())\n"
    }
    text += "group A 2 X1 X2 X3\ngroup B any X4 X5\ngroup both all A B\nquorum both\n"
    let policy = try TrustPolicy(text: text)
    let checkpoint = try checkpoint()
    func verify(_ chosen: [Int]) throws {
      _ = try policy.verify(
        note(checkpoint, signedBy: [log] + chosen.map { witnesses[$0 - 1] }))
    }
    try verify([1, 3, 5])
    for chosen in [[1, 2, 3], [1, 4], [4, 5], []] {
      #expect(throws: TransparencyLogError.self) { try verify(chosen) }
    }
    let single = try TrustPolicy(
      text: text.replacing("quorum both", with: "quorum X4"))
    _ = try single.verify(note(checkpoint, signedBy: [log, witnesses[3]]))
    let none = try TrustPolicy(text: text.replacing("quorum both", with: "quorum none"))
    _ = try none.verify(note(checkpoint, signedBy: [log]))
  }

  @Test(
    "policies that say something else are refused, with the line",
    arguments: [
      ("", "without a quorum"), ("quorum none\nquorum none\n", "line 2"),
      ("quorum X\n", "line 1"), ("group G 1 X\nquorum G\n", "line 1"), ("nonsense\n", "line 1"),
      ("WITNESS\ngroup G 2 X\nquorum G\n", "line 2"), ("WITNESS\ngroup G 0 X\n", "line 2"),
      ("WITNESS\ngroup G 01 X\n", "line 2"), ("WITNESS\ngroup G all\n", "line 2"),
      ("WITNESS\ngroup G 1 X X\n", "line 2"), ("WITNESS\ngroup X 1 X\n", "line 2"),
      ("WITNESS\ngroup none 1 X\n", "line 2"), ("WITNESS\nWITNESS2\nquorum none\n", "twice"),
      ("WITNESS\ngroup G 1 none\n", "line 2"), ("log LOG\nlog LOG\nquorum none\n", "twice"),
      ("witness X LOG\nquorum none\n", "wrong kind"),
    ])
  func malformedPolicy(text: String, reason: String) throws {
    let witness = try signer("w", .cosignature).key.text()
    let log = try signer("l").key.text()
    let filled = text.replacing("WITNESS2", with: "witness Y \(witness)")
      .replacing("WITNESS", with: "witness X \(witness)").replacing("LOG", with: log)
    let error = #expect(throws: TransparencyLogError.self) { try TrustPolicy(text: filled) }
    let message = try #require(error).description
    #expect(message.contains(reason))
  }

  @Test("64 witnesses are read, 65 are not")
  func policyLimits() throws {
    func text(_ count: Int) throws -> String {
      try (1...count).map {
        "witness W\($0) \(try signer("w\($0)", .cosignature, seed: UInt8($0)).key.text())\n"
      }.joined() + "quorum none\n"
    }
    #expect(try TrustPolicy(text: text(64)).witnesses.count == 64)
    #expect(
      throws: TransparencyLogError.tooLarge("keys of a policy", count: 65, limit: 64)
    ) { try TrustPolicy(text: text(65)) }
    let padding = TrustPolicy.byteCountMax - "quorum none\n".utf8.count - 1
    let longest = "quorum none\n#" + String(repeating: "x", count: padding)
    #expect(try TrustPolicy(text: longest).witnesses.isEmpty)
    #expect(throws: TransparencyLogError.self) { try TrustPolicy(text: longest + "x") }
  }
}
