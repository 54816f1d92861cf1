internal import Cryptography
internal import PrivacyCore

/// A hash of the tree of RFC 6962, section 2.1 (SHA-256): of a leaf, of a node or of a whole tree.
/// Kept in place: copying one allocates nothing.
public struct MerkleHash: Hashable, Sendable {
  /// The bytes of a hash.
  public static let byteCount = 32

  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// The hash with these 32 bytes; `nil` for another number of bytes.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes) }
    self.words = words
  }

  /// The 32 bytes.
  public var bytes: [UInt8] { withUnsafeBytes(of: words) { [UInt8]($0) } }

  /// Appends the 32 bytes.
  public func append(to bytes: inout [UInt8]) {
    withUnsafeBytes(of: words) { bytes.append(contentsOf: $0) }
  }

  public static func == (left: Self, right: Self) -> Bool { left.words == right.words }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
  }

  // MARK: - Hashing (RFC 6962, section 2.1)

  /// The root of the tree without entries: the hash of no bytes.
  public static func emptyTree() throws(TransparencyLogError) -> MerkleHash { try digest([]) }

  /// The hash of an entry: of a zero byte and the entry, so that no entry can pass for a node.
  public static func leaf(_ entry: [UInt8]) throws(TransparencyLogError) -> MerkleHash {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(entry.count + 1)
    bytes.append(0)
    bytes.append(contentsOf: entry)
    return try digest(bytes)
  }

  /// The hash of the node above `left` and `right`.
  public static func node(
    _ left: MerkleHash, _ right: MerkleHash
  ) throws(TransparencyLogError) -> MerkleHash {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(1 + 2 * byteCount)
    bytes.append(1)
    left.append(to: &bytes)
    right.append(to: &bytes)
    return try digest(bytes)
  }

  /// SHA-256 of `bytes`.
  static func digest(_ bytes: [UInt8]) throws(TransparencyLogError) -> MerkleHash {
    do throws(CryptographyError) {
      guard let hash = MerkleHash(try Digest.sha256(bytes)) else {
        throw .library(operation: "SHA-256", reason: "a digest of another length")
      }
      return hash
    } catch {
      throw .cryptography(error)
    }
  }
}

extension MerkleHash: CustomStringConvertible {
  /// Base64, as checkpoints and proofs show it.
  public var description: String { Base64.encode(bytes) }

  /// The hash with this Base64 text; `nil` for any other text.
  public init?(base64 text: some StringProtocol) {
    guard text.utf8.count == 44, let bytes = Base64.decode(text) else { return nil }
    self.init(bytes)
  }
}
