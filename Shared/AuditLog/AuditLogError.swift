public import TransparencyLog

/// Why the log refuses. The texts hold positions and reasons, never the content of an entry.
public enum AuditLogError: Error, Equatable, Sendable {
  /// The store holds a log in a form that no program reads any more.
  case olderFormat
  /// The store's log was written by a newer program.
  case newerFormat(found: UInt64, supported: UInt64)
  /// What the log holds at this place is not what was written.
  case damaged(index: UInt64)
  /// There is no such entry, or it has been forgotten.
  case noSuchEntry(index: UInt64)
  /// The log has no key to sign checkpoints with.
  case noSigningKey
  /// The entry is recorded, but no signed checkpoint covered it in time: what waits for it must not
  /// take effect.
  case notCovered(index: UInt64)
  /// The log no longer contains what an earlier checkpoint vouched for: nothing more is signed.
  case contradictsCheckpoint(treeSize: UInt64)
  /// There is no checkpoint of that size any more, or there never was.
  case noSuchCheckpoint(treeSize: UInt64)
  /// The cosignature is by no witness that this log knows.
  case unknownWitness
  /// A time window touches more pairs of an action and a person than are counted.
  case windowTooLarge(pairCountMax: Int)
  /// The log is closed.
  case closed
  /// A format, a proof or a signature does not hold.
  case log(TransparencyLogError)
}

extension AuditLogError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .olderFormat:
      "the store's audit log has an older form that this program does not read: "
        + "keep the store for the program that wrote it and begin a new one"
    case .newerFormat(let found, let supported):
      "the audit log has format \(found), this program reads formats up to \(supported): upgrade it"
    case .damaged(let index): "the audit log is damaged at entry \(index + 1)"
    case .noSuchEntry(let index): "the audit log has no entry \(index + 1), or has forgotten it"
    case .noSigningKey: "the audit log has no key to sign checkpoints with"
    case .notCovered(let index):
      "entry \(index + 1) was not under a signed checkpoint in time: nothing was done"
    case .contradictsCheckpoint(let size):
      "the audit log no longer contains what its checkpoint of \(size) entries says"
    case .noSuchCheckpoint(let size): "there is no checkpoint of \(size) entries"
    case .unknownWitness: "the cosignature is by no witness that this log knows"
    case .windowTooLarge(let limit):
      "the window touches more than \(limit) people: ask for a shorter one"
    case .closed: "the audit log is closed"
    case .log(let error): "\(error)"
    }
  }
}
