internal import PrivacyCore

/// All that one needs to see offline that something was logged: its place, the hashes to the root and
/// the checkpoint with its signatures (C2SP tlog-proof).
public struct LogProof: Hashable, Sendable {
  /// The format's name, its first line.
  public static let heading = "c2sp.org/tlog-proof@v1"
  /// The most bytes of a proof that is read.
  public static let byteCountMax = 256 << 10

  /// The place in the log, from 0.
  public let index: UInt64
  /// The hashes from the leaf upwards.
  public let path: [MerkleHash]
  /// The checkpoint.
  public let note: SignedNote
  /// What the application adds; nothing vouches for it.
  public let extra: [UInt8]

  /// A proof, not yet verified.
  public init(
    index: UInt64, path: [MerkleHash], note: SignedNote, extra: [UInt8] = []
  ) {
    self.index = index
    self.path = path
    self.note = note
    self.extra = extra
  }

  /// The proof's text.
  public var encoded: [UInt8] {
    var text = "\(Self.heading)\n"
    if !extra.isEmpty { text += "extra \(Base64.encode(extra))\n" }
    text += "index \(index)\n"
    for hash in path { text += "\(hash)\n" }
    return Array((text + "\n").utf8) + note.encoded
  }

  /// Reads a proof's text.
  public init(encoded bytes: [UInt8]) throws(TransparencyLogError) {
    guard bytes.count <= Self.byteCountMax else {
      throw .tooLarge("bytes of a proof", count: bytes.count, limit: Self.byteCountMax)
    }
    var head = NoteHead(bytes)
    guard head.line() == Self.heading else { throw .malformed("the heading of a proof") }
    var line = head.line()
    var extra: [UInt8] = []
    if let text = line, text.hasPrefix("extra ") {
      guard let bytes = Base64.decode(text.dropFirst(6)), !bytes.isEmpty else {
        throw .malformed("the extra line of a proof")
      }
      extra = bytes
      line = head.line()
    }
    guard let line, line.hasPrefix("index "),
      let index = UInt64(canonical: String(line.dropFirst(6)))
    else { throw .malformed("the index line of a proof") }
    let path = try head.hashes(limit: TreeShape.proofHashCountMax)
    self.init(
      index: index, path: path, note: try SignedNote(encoded: Array(head.rest)), extra: extra)
  }

  /// Verifies that `entry` stands at `index` of a log that the policy trusts.
  ///
  /// - Returns: the checkpoint and its witnesses.
  /// - Throws: what `TrustPolicy.verify` throws; `outOfRange`, `notIncluded`.
  @discardableResult
  public func verify(
    entry: [UInt8], policy: TrustPolicy
  ) throws(TransparencyLogError) -> TrustPolicy.Verified {
    let verified = try policy.verify(note)
    try InclusionProof(
      leafIndex: index, treeSize: verified.checkpoint.treeSize, path: path
    ).verify(leaf: .leaf(entry), root: verified.checkpoint.rootHash)
    return verified
  }
}
