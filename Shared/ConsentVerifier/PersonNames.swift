internal import ConsentAPI
internal import Cryptography
internal import PrivacyCore
internal import TransparencyLog
internal import WireFormat

/// The pids of one person in their order, joined by renamings that are in the log.
struct PersonNames {
  /// The one that the evidence is about.
  let asked: PseudonymousID
  private var first: PseudonymousID
  /// The later ones, each with the number of the receipt that made it the person's.
  private var later: [(number: UInt64, pid: PseudonymousID)] = []

  /// Each of `renamings` must be in the tree of `checkpoint` and begin with the pid that the one before
  /// ended with; `pid` must be one of those that they name.
  init(
    of pid: PseudonymousID, joined renamings: [LoggedRenaming], in checkpoint: Checkpoint
  ) throws(EvidenceFault) {
    asked = pid
    first = pid
    for renaming in renamings {
      let (former, pid, number) = try Self.read(renaming, in: checkpoint)
      if let last = later.last {
        guard last.pid == former, last.number < number else {
          throw .notProven("two renamings do not follow on each other")
        }
      } else {
        first = former
      }
      later.append((number, pid))
    }
    guard first == pid || later.contains(where: { $0.pid == pid }) else {
      throw .notProven("a renaming is of somebody else")
    }
  }

  /// The pid in the person's receipt with this number.
  func pid(at number: UInt64) -> PseudonymousID {
    later.last { $0.number <= number }?.pid ?? first
  }

  private static func read(
    _ renaming: LoggedRenaming, in checkpoint: Checkpoint
  ) throws(EvidenceFault) -> (former: PseudonymousID, pid: PseudonymousID, number: UInt64) {
    guard let statement = try renaming.entry?.statement(in: checkpoint),
      let receipt = try? Receipt(packed: renaming.receipt),
      let pid = PseudonymousID(bytes: receipt.pid),
      let former = PseudonymousID(bytes: receipt.formerPid), former != pid
    else { throw .malformed("a renaming") }
    guard receipt.kind == .renaming, statement.pid == receipt.pid,
      statement.personSequence == receipt.personSequence,
      (try? Digest.sha256(renaming.receipt)) == statement.receiptHash
    else { throw .notProven("a renaming is not the one that was logged") }
    return (former, pid, statement.personSequence)
  }
}
