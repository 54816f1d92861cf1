package import AuditLog
package import ConsentVerifier
package import PrivacyCore
package import SealedStore
internal import TransparencyLog

/// What a store did for the erasures that reached it. It notes each in the transaction that purges, and
/// signs a statement of it when the consent service asks.
package struct ErasureBook: Sendable {
  private let service: String
  private let store: SealedStore
  private let audit: AuditLog
  private let time: any TimeSource

  /// - Parameter service: the store's service, as its statements name it.
  package init(service: String, store: SealedStore, audit: AuditLog, time: any TimeSource) {
    self.service = service
    self.store = store
    self.audit = audit
    self.time = time
  }

  /// Notes an erasure and what it removed, with an entry in the store's log. The same erasure again,
  /// as gates replay it at their start, changes nothing.
  package func note(
    _ pid: PseudonymousID, at sequence: LogSequenceNumber, removed: Int,
    in transaction: inout WriteTransaction
  ) throws {
    if let known = try transaction.get(ErasureTables.erasures, pid),
      known.sequence == sequence.value
    {
      return
    }
    try transaction.put(
      ErasureTables.erasures, pid,
      ErasureRecord(sequence: sequence.value, removed: UInt64(removed)))
    try audit.append(
      AuditEntry(
        principal: service, action: "\(service).erase", pids: [pid],
        details: [("sequence", "\(sequence)"), ("removed", "\(removed)")]), in: &transaction)
  }

  /// Whether the erasure at `sequence` was noted.
  package func knows(_ pid: PseudonymousID, at sequence: LogSequenceNumber) throws -> Bool {
    try store.read { try $0.get(ErasureTables.erasures, pid) }?.sequence == sequence.value
  }

  /// The store's statement of an erasure, signed with its log's key: a note.
  ///
  /// - Parameters:
  ///   - models: what the trainer has, newest first; `nil` for every other store.
  ///   - left: looks through the store again and counts what is there of the person.
  /// - Throws: `ErasureFault.unknownErasure` where the store has not purged for it.
  package func statement(
    of pid: PseudonymousID, at sequence: LogSequenceNumber, models: [ModelMention]? = nil,
    left: (borrowing ReadSnapshot) throws -> Int
  ) throws -> [UInt8] {
    let (record, leftCount) = try store.read { snapshot in
      (try snapshot.get(ErasureTables.erasures, pid), try left(snapshot))
    }
    guard let record, record.sequence == sequence.value else {
      throw ErasureFault.unknownErasure(sequence: sequence.value)
    }
    var statement = ErasureStatement(
      origin: try audit.verifyingKey().name, service: service, pid: pid, sequence: sequence.value,
      atUs: time.now.microseconds, removed: record.removed, left: UInt64(leftCount))
    if let models {
      statement.modelCount = UInt64(models.count)
      statement.models = Array(models.prefix(ErasureStatement.modelCountMax))
    }
    return try audit.signStatement(statement.text).encoded
  }
}

/// Why a store says nothing of an erasure.
package enum ErasureFault: Error, Equatable, CustomStringConvertible {
  /// It was not purged for it.
  case unknownErasure(sequence: UInt64)

  package var description: String {
    switch self {
    case .unknownErasure(let sequence): "the store was not purged for erasure \(sequence)"
    }
  }
}
