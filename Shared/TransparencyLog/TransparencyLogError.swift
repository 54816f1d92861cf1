public import Cryptography

/// Why something about a log is refused. The texts name formats, positions, keys and limits; the
/// content of entries is never in them.
public enum TransparencyLogError: Error, Equatable, Sendable {
  /// Bytes or text do not have the form of what they should be; the text says of what, and where.
  case malformed(String)
  /// Something has more parts or bytes than a reader accepts.
  case tooLarge(String, count: Int, limit: Int)
  /// There is no such leaf, node or tree in a tree of this size.
  case outOfRange(String, treeSize: UInt64)
  /// The proof does not lead from the leaf to the root of the tree.
  case notIncluded(leafIndex: UInt64, treeSize: UInt64)
  /// The proof does not show that the larger tree begins with the smaller one.
  case notConsistent(oldSize: UInt64, newSize: UInt64)
  /// The checkpoint is of another log.
  case otherOrigin(found: String, expected: String)
  /// No signature by a key that is trusted for this log.
  case notSigned(origin: String)
  /// A signature that claims to be by this key is not.
  case falseSignature(key: String)
  /// Fewer witnesses cosigned than the policy asks for; the names of those that did.
  case quorumMissed(cosigned: [String])
  /// A key's number is not what its name and bytes give.
  case falseKeyID(key: String)
  /// The witness saw a larger tree of this log before: the log was rolled back, or an old checkpoint
  /// is shown again.
  case rollback(origin: String, seen: UInt64, offered: UInt64)
  /// The witness saw another tree of this size: the log shows different trees to different readers.
  case fork(origin: String, size: UInt64)
  /// The request starts from another size than the one that the witness saw last.
  case staleRequest(origin: String, seen: UInt64)
  /// The hash or signature library refused to work.
  case cryptography(CryptographyError)
}

extension TransparencyLogError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformed(let what): "malformed: \(what)"
    case .tooLarge(let what, let count, let limit): "\(what): \(count) is more than \(limit)"
    case .outOfRange(let what, let size): "\(what) is not in a tree of \(size) entries"
    case .notIncluded(let index, let size):
      "the proof does not show that entry \(index) is in the tree of \(size) entries"
    case .notConsistent(let oldSize, let newSize):
      "the tree of \(newSize) entries does not begin with the tree of \(oldSize) entries"
    case .otherOrigin(let found, let expected):
      "the checkpoint is of log \(found), not of \(expected)"
    case .notSigned(let origin): "no trusted key of log \(origin) signed the checkpoint"
    case .falseSignature(let key): "the signature of \(key) does not verify"
    case .quorumMissed(let cosigned):
      "too few witnesses cosigned the checkpoint: "
        + (cosigned.isEmpty ? "none" : cosigned.joined(separator: ", "))
    case .falseKeyID(let key): "the key text of \(key) carries a number that is not its own"
    case .rollback(let origin, let seen, let offered):
      "log \(origin) was seen with \(seen) entries and now shows \(offered): it was rolled back"
    case .fork(let origin, let size):
      "log \(origin) shows two different trees of \(size) entries: it was forked"
    case .staleRequest(let origin, let seen):
      "log \(origin) was last seen with \(seen) entries; begin the proof there"
    case .cryptography(let error): "\(error)"
    }
  }
}
