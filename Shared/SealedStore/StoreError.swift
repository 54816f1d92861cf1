public import Cryptography
public import PrivacyCore

/// What can go wrong in a store. The texts name tables, files and limits, never a key, a value or
/// a person.
public enum StoreError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file system has no room left. Reads go on; writes are refused until `resumeWriting()`.
  case diskFull(String)
  /// The operating system refused to read or write.
  case inputOutput(String)
  /// What is on disk is not what was written.
  case corrupted(String)
  /// The keys given do not open this store.
  case wrongKey
  /// A value was sealed by a key that the key ring does not hold.
  case unknownKey(KeyID)
  /// A row of this table does not open: it was changed, or sealed by another key of that id.
  case unreadable(table: String)
  /// A row of this table is sealed with the key of a person, and that key was not given.
  case subjectKeyNeeded(table: String)
  /// A key given as a person's does not carry the id reserved for such keys.
  case notASubjectKey(KeyID)
  /// The store was written by a newer program.
  case newerFormat(found: UInt32, supported: UInt32)
  /// Another process, or this one, has the store open.
  case alreadyOpen(String)
  /// The directory holds the store of another service.
  case otherService(found: String, wanted: String)
  /// A table is known to the store under another number.
  case tableMismatch(name: String, found: UInt16, wanted: UInt16)
  /// A change names a table that this program does not know.
  case unknownTable(UInt16)
  /// The encoded key has more bytes than a key may have.
  case keyTooLong(byteCount: Int, limit: Int)
  /// The bytes are not a key of that table.
  case malformedKey
  /// The value has more bytes than a value may have.
  case valueTooLarge(byteCount: Int, limit: Int)
  /// One transaction changes more than a transaction may.
  case transactionTooLarge(byteCount: Int, limit: Int)
  /// The file reached the configured most bytes.
  case mapFull(limit: Int)
  /// More readers at one time than configured.
  case tooManyReaders(limit: Int)
  /// More callers wait for a write than configured.
  case overloaded(limit: Int)
  /// The journal no longer reaches back to the asked position.
  case journalCut(first: LogSequenceNumber)
  /// The store at the destination is newer than, or another than, the backup.
  case newerStore(String)
  /// The backup is not whole.
  case badBackup(String)
  /// The store is being sealed under a new key already.
  case resealRuns
  /// The store is not being sealed under a new key.
  case noReseal
  /// So many values are still sealed under the key.
  case keyInUse(KeyID, valueCount: Int)
  /// The key is the one that rows are sealed with.
  case keyIsCurrent(KeyID)
  /// After a failed write the file cannot be trusted for more: close the store and open it again.
  case reopenNeeded
  /// The store is one in memory: there are no files to copy or to check.
  case notOnDisk
  /// The store is closed.
  case closed

  public var description: String {
    switch self {
    case .diskFull(let what): "the disk is full: \(what)"
    case .inputOutput(let what): "input/output error: \(what)"
    case .corrupted(let what): "the store is damaged: \(what)"
    case .wrongKey: "the store is sealed with another key"
    case .unknownKey(let id): "a value is sealed with key \(id), which the key ring does not hold"
    case .unreadable(let table):
      "a row of table \(table) does not open: it was changed or sealed with another key"
    case .subjectKeyNeeded(let table):
      "a row of table \(table) is sealed with a person's key, which was not given"
    case .notASubjectKey(let id): "key \(id) was given as a person's key, but is none"
    case .newerFormat(let found, let supported):
      "the store has format \(found), this program reads formats up to \(supported): upgrade it"
    case .alreadyOpen(let path): "the store at \(path) is already open"
    case .otherService(let found, let wanted):
      "the directory holds the store of service \(found), not of \(wanted)"
    case .tableMismatch(let name, let found, let wanted):
      "table \(name) has number \(found) in the store and \(wanted) in this program"
    case .unknownTable(let id): "the journal changes table \(id), which this program does not know"
    case .keyTooLong(let byteCount, let limit):
      "a key of \(byteCount) bytes is longer than \(limit) bytes"
    case .malformedKey: "a key does not have the form of its table"
    case .valueTooLarge(let byteCount, let limit):
      "a value of \(byteCount) bytes is larger than \(limit) bytes"
    case .transactionTooLarge(let byteCount, let limit):
      "a transaction of \(byteCount) bytes is larger than \(limit) bytes"
    case .mapFull(let limit): "the store reached its configured limit of \(limit) bytes"
    case .tooManyReaders(let limit): "more than \(limit) readers at one time"
    case .overloaded(let limit): "more than \(limit) writes are waiting"
    case .journalCut(let first): "the journal begins at \(first); what was before it has been cut"
    case .newerStore(let what): "restoring would lose data: \(what)"
    case .badBackup(let what): "the backup is not usable: \(what)"
    case .resealRuns: "the store is being sealed under its current key already"
    case .noReseal: "the store is not being sealed under another key"
    case .keyInUse(let id, let count): "\(count) values are still sealed under key \(id)"
    case .keyIsCurrent(let id): "key \(id) is the one that rows are sealed with"
    case .reopenNeeded: "a write failed half-way: close the store and open it again"
    case .notOnDisk: "the store is one in memory and has no files"
    case .closed: "the store is closed"
    }
  }
}
