internal import Cryptography
public import PrivacyCore

/// What a leaf holds in place of something about a person: a hash that shows the content to whoever
/// has its salt, and nothing to whoever has not.
///
///     SHA-256( "tacit-commitment/v1" newline | salt (32 bytes) | content )
///
/// The heading keeps these hashes apart from every other use of SHA-256 here (a leaf's begins with
/// a zero byte, a node's with a one); the salt's fixed length says where the content begins. Each
/// salt is 256 random bits and used once: without it, even somebody who guesses the whole content
/// cannot tell whether the guess is right, as every content has a salt that would fit as well as
/// another. Destroying the salt therefore forgets the content, and the leaf and all proofs stay.
public struct SaltedCommitment: Hashable, Sendable {
  /// The bytes of a salt.
  public static let saltByteCount = 32
  private static let heading = Array("tacit-commitment/v1\n".utf8)

  /// The commitment itself.
  public let hash: MerkleHash

  /// Commits to `content`.
  ///
  /// - Throws: `malformed` for a salt of another length.
  public init(salt: [UInt8], content: [UInt8]) throws(TransparencyLogError) {
    guard salt.count == Self.saltByteCount else {
      throw .malformed("a salt of \(salt.count) bytes")
    }
    hash = try MerkleHash.digest(Self.heading + salt + content)
  }

  /// A new salt.
  public static func salt(_ random: any RandomSource) -> [UInt8] {
    random.bytes(count: saltByteCount)
  }
}
