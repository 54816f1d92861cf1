internal import PrivacyCore

/// A leaf of a Tacit log: what everybody may see of an entry. Lines of text, so that an outsider can
/// read a bundle without our programs; one text for each leaf.
///
///     tacit-leaf/v1
///     time 1768048496
///     action consent.withdraw
///     commitment CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
///
/// A batch of reads adds `reads <count> <root>`, any other batch `batch <count> <root>`, a gap
/// `gap <from> <to> <reason>`. Nothing in a leaf is of a person: the action says what kind of thing was
/// done, the time is in whole seconds, and who did it to whom is in the content that the commitment
/// covers.
public struct LogLeaf: Hashable, Sendable {
  /// The most bytes of an action or a reason.
  public static let nameByteCountMax = NameRule.byteCountMax
  private static let heading = "tacit-leaf/v1"

  /// What the leaf stands for.
  public enum Content: Hashable, Sendable {
    /// One thing that was done.
    case entry
    /// So many reads, each a leaf of a tree of their own with this root.
    case reads(count: UInt64, root: MerkleHash)
    /// So many things that were done at once, each a leaf of a tree of their own with this root.
    case batch(count: UInt64, root: MerkleHash)
    /// Reads between two times may be missing, in seconds since the epoch.
    case gap(from: Int64, to: Int64, reason: String)
  }

  /// When, in seconds since the epoch.
  public let seconds: Int64
  /// What was done.
  public let action: String
  /// The commitment to the sealed content.
  public let commitment: MerkleHash
  /// What the leaf stands for.
  public let content: Content

  /// A leaf.
  ///
  /// - Throws: `malformed` for an action or a reason that is no name (`NameRule`), and for a gap that
  ///   ends before it begins.
  public init(
    seconds: Int64, action: String, commitment: MerkleHash, content: Content = .entry
  ) throws(TransparencyLogError) {
    guard NameRule.accepts(action) else { throw .malformed("the action of a leaf") }
    if case .gap(let from, let to, let reason) = content {
      guard NameRule.accepts(reason) else { throw .malformed("the reason of a gap") }
      guard from <= to else { throw .malformed("a gap that ends before it begins") }
    }
    self.seconds = seconds
    self.action = action
    self.commitment = commitment
    self.content = content
  }

  /// The leaf's bytes, which the tree hashes.
  public var encoded: [UInt8] {
    var text =
      "\(Self.heading)\ntime \(seconds)\naction \(action)\ncommitment \(commitment)\n"
    switch content {
    case .entry: break
    case .reads(let count, let root): text += "reads \(count) \(root)\n"
    case .batch(let count, let root): text += "batch \(count) \(root)\n"
    case .gap(let from, let to, let reason): text += "gap \(from) \(to) \(reason)\n"
    }
    return Array(text.utf8)
  }

  /// Reads a leaf's bytes.
  public init(encoded bytes: [UInt8]) throws(TransparencyLogError) {
    let failure = TransparencyLogError.malformed("a leaf")
    guard bytes.count <= 512, let text = String(validating: bytes, as: UTF8.self) else {
      throw failure
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.split(separator: " ", omittingEmptySubsequences: false)
    }
    guard lines.count == 5 || lines.count == 6, lines[0] == [Self.heading[...]],
      lines.last == [""], lines[1].count == 2, lines[1][0] == "time",
      let seconds = Int64(lines[1][1]), lines[2].count == 2, lines[2][0] == "action",
      lines[3].count == 2, lines[3][0] == "commitment",
      let commitment = MerkleHash(base64: lines[3][1])
    else { throw failure }
    let content = lines.count == 5 ? Content.entry : Self.content(lines[4])
    guard let content else { throw failure }
    try self.init(
      seconds: seconds, action: String(lines[2][1]), commitment: commitment, content: content)
    guard encoded == bytes else { throw failure }
  }

  private static func content(_ words: [Substring]) -> Content? {
    if words.count == 3, let count = UInt64(words[1]), let root = MerkleHash(base64: words[2]) {
      if words[0] == "reads" { return .reads(count: count, root: root) }
      if words[0] == "batch" { return .batch(count: count, root: root) }
    }
    if words.count == 4, words[0] == "gap", let from = Int64(words[1]), let to = Int64(words[2]) {
      return .gap(from: from, to: to, reason: String(words[3]))
    }
    return nil
  }
}
