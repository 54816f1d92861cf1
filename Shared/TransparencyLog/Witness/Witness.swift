/// The newest tree of a log that a witness has seen and vouched for.
public struct WitnessedTree: Hashable, Sendable {
  /// The log.
  public let origin: String
  /// How many entries it had.
  public let treeSize: UInt64
  /// The root of their tree.
  public let rootHash: MerkleHash

  /// A tree of a log.
  public init(origin: String, treeSize: UInt64, rootHash: MerkleHash) {
    self.origin = origin
    self.treeSize = treeSize
    self.rootHash = rootHash
  }
}

/// The rules of a witness (C2SP tlog-witness): it vouches for a checkpoint only after having seen
/// that the log's tree begins with the one it vouched for last. Whoever runs one must keep the
/// answer durably before the cosignature leaves, and let one request of a log finish before the
/// next.
public enum Witness {
  /// Decides on a checkpoint.
  ///
  /// - Parameters:
  ///   - logs: the keys that the witness trusts, each named like its log.
  ///   - oldSize: the size that `proof` begins at.
  ///   - proof: the hashes of a consistency proof from `oldSize` to the checkpoint's tree.
  ///   - last: what the witness vouched for last; `nil` for a log that is new to it.
  /// - Returns: what it is to vouch for now.
  /// - Throws: `otherOrigin`, `notSigned`, `falseSignature`; `rollback`, `fork`, `notConsistent`
  ///   where the log does not keep its promise; `staleRequest` where the proof begins elsewhere.
  public static func check(
    _ note: SignedNote, logs: [NoteKey], oldSize: UInt64, proof: [MerkleHash],
    last: WitnessedTree?
  ) throws(TransparencyLogError) -> WitnessedTree {
    let checkpoint = try TrustPolicy(logs: logs).verify(note).checkpoint
    let tree = WitnessedTree(
      origin: checkpoint.origin, treeSize: checkpoint.treeSize, rootHash: checkpoint.rootHash)
    let seen: WitnessedTree
    if let last {
      guard last.origin.hasSameBytes(as: checkpoint.origin) else {
        throw .otherOrigin(found: checkpoint.origin, expected: last.origin)
      }
      seen = last
    } else {
      seen = WitnessedTree(
        origin: checkpoint.origin, treeSize: 0, rootHash: try MerkleHash.emptyTree())
    }
    guard tree.treeSize >= seen.treeSize else {
      throw .rollback(origin: tree.origin, seen: seen.treeSize, offered: tree.treeSize)
    }
    if tree.treeSize == seen.treeSize {
      guard tree.rootHash == seen.rootHash else {
        throw .fork(origin: tree.origin, size: tree.treeSize)
      }
    }
    guard oldSize == seen.treeSize else {
      throw .staleRequest(origin: tree.origin, seen: seen.treeSize)
    }
    try ConsistencyProof(oldSize: oldSize, newSize: tree.treeSize, path: proof).verify(
      oldRoot: seen.rootHash, newRoot: tree.rootHash)
    return tree
  }
}

/// What a log asks of a witness (C2SP tlog-witness, `add-checkpoint`): the size of the last
/// checkpoint, the hashes of a consistency proof, the new checkpoint.
public struct AddCheckpointRequest: Hashable, Sendable {
  /// The most hashes that a request may carry.
  public static let hashCountMax = 63

  /// The size of the tree that the witness saw last.
  public let oldSize: UInt64
  /// The proof from there.
  public let proof: [MerkleHash]
  /// The new checkpoint.
  public let note: SignedNote

  /// A request.
  public init(
    oldSize: UInt64, proof: [MerkleHash], note: SignedNote
  ) throws(TransparencyLogError) {
    guard proof.count <= Self.hashCountMax else {
      throw .tooLarge("hashes of a request", count: proof.count, limit: Self.hashCountMax)
    }
    self.oldSize = oldSize
    self.proof = proof
    self.note = note
  }

  /// The request's text.
  public var encoded: [UInt8] {
    Array("old \(oldSize)\n".utf8) + proof.flatMap { Array("\($0)\n".utf8) } + [0x0A]
      + note.encoded
  }

  /// Reads a request's text.
  public init(encoded bytes: [UInt8]) throws(TransparencyLogError) {
    var head = NoteHead(bytes)
    guard let first = head.line(), first.hasPrefix("old "),
      let oldSize = UInt64(canonical: String(first.dropFirst(4)))
    else { throw .malformed("the first line of a request to a witness") }
    let proof = try head.hashes(limit: Self.hashCountMax)
    try self.init(oldSize: oldSize, proof: proof, note: SignedNote(encoded: Array(head.rest)))
  }
}

/// Takes the lines before an embedded note one by one.
struct NoteHead {
  private(set) var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// The next line, without its newline; `nil` at the end and for bytes that are not UTF-8.
  mutating func line() -> String? {
    guard let end = rest.firstIndex(of: 0x0A) else { return nil }
    defer { rest = rest[(end + 1)...] }
    return String(validating: rest[..<end], as: UTF8.self)
  }

  /// Lines of one hash each, up to and with an empty line.
  mutating func hashes(limit: Int) throws(TransparencyLogError) -> [MerkleHash] {
    var hashes: [MerkleHash] = []
    while let line = line() {
      if line.isEmpty { return hashes }
      guard hashes.count < limit else {
        throw .tooLarge("hashes of a proof", count: hashes.count + 1, limit: limit)
      }
      guard let hash = MerkleHash(base64: line) else { throw .malformed("a hash of a proof") }
      hashes.append(hash)
    }
    throw .malformed("a proof without its checkpoint")
  }
}
