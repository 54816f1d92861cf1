internal import PrivacyCore

/// What a log says of itself: which log, how many entries, the root of their tree (C2SP
/// tlog-checkpoint).
public struct Checkpoint: Hashable, Sendable {
  /// The longest origin, in bytes.
  public static let originByteCountMax = NoteKey.nameByteCountMax
  /// The most extension lines of a checkpoint that is read. Ours have none.
  public static let extensionCountMax = 16

  /// The log's name, unique in the world.
  public let origin: String
  /// How many entries it has.
  public let treeSize: UInt64
  /// The root of their tree.
  public let rootHash: MerkleHash
  /// Further lines, of which nothing is promised.
  public let extensions: [String]

  /// A checkpoint.
  ///
  /// - Throws: `malformed` for an origin or an extension that is empty, too long or has newlines.
  public init(
    origin: String, treeSize: UInt64, rootHash: MerkleHash, extensions: [String] = []
  ) throws(TransparencyLogError) {
    guard Self.isLine(origin), origin.utf8.count <= Self.originByteCountMax else {
      throw .malformed("the origin of a checkpoint")
    }
    guard treeSize <= TreeShape.leafCountMax else { throw .malformed("the size of a checkpoint") }
    guard extensions.count <= Self.extensionCountMax else {
      throw .tooLarge(
        "extension lines of a checkpoint", count: extensions.count, limit: Self.extensionCountMax)
    }
    guard extensions.allSatisfy(Self.isLine) else {
      throw .malformed("an extension line of a checkpoint")
    }
    self.origin = origin
    self.treeSize = treeSize
    self.rootHash = rootHash
    self.extensions = extensions
  }

  /// The text that is signed.
  public var text: String {
    ([origin, String(treeSize), rootHash.description] + extensions).map { $0 + "\n" }.joined()
  }

  /// Reads a checkpoint's text.
  public init(text: String) throws(TransparencyLogError) {
    var lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)[...]
    guard lines.popLast()?.isEmpty == true, lines.count >= 3 else {
      throw .malformed("a checkpoint of fewer than three lines")
    }
    let texts = lines.map { String(Substring($0)) }
    guard let size = UInt64(canonical: texts[1]) else {
      throw .malformed("the size of a checkpoint")
    }
    guard let root = MerkleHash(base64: texts[2]) else {
      throw .malformed("the root hash of a checkpoint")
    }
    try self.init(
      origin: texts[0], treeSize: size, rootHash: root, extensions: Array(texts[3...]))
  }

  private static func isLine(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 }
  }
}

extension UInt64 {
  /// The number that a decimal text without signs and needless zeros says.
  init?(canonical text: String) {
    guard let number = UInt64(text), String(number).hasSameBytes(as: text) else { return nil }
    self = number
  }
}
