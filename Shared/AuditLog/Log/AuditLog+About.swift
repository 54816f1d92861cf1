public import AuditAPI
public import PrivacyCore
internal import SealedStore

extension AuditLog {
  /// An entry, or a read of a batch, that names somebody.
  public struct Mention: Sendable {
    /// The entry's place in the log, from 0; of a read the place of its batch's.
    public let place: UInt64
    /// The read's place in its batch; `nil` for an entry of its own.
    public let position: UInt32?
    /// What is kept of it.
    public let record: AuditRecord
  }

  /// Calls `body` with everything kept in the log that names one of `pids`: the entries in order,
  /// then the reads of batches in order. What was forgotten is not there any more, and neither is what
  /// only a person's key opens.
  ///
  /// Reads the whole log, since it has no index by person: that would be a second list of who was
  /// dealt with when. About 4 µs an entry; holds a snapshot for a thousand entries at a time.
  public func mentions(
    of pids: Set<PseudonymousID>, _ body: (Mention) throws -> Void
  ) async throws {
    let wanted = Set(pids.map(\.bytes))
    var range = KeyRange<UInt64>.all
    while true {
      var last: UInt64?
      try store.read { snapshot in
        try snapshot.scan(
          AuditTables.entries, range, reverse: false, limit: Self.mentionPageCount,
          subjectKey: { _ in nil }
        ) { place, row in
          last = place
          let record = try AuditRecord(packed: row.content)
          guard record.pids.contains(where: wanted.contains) else { return .next }
          try body(Mention(place: place, position: nil, record: record))
          return .next
        }
      }
      guard let last else { break }
      range = .after(last)
      try Task.checkCancellation()
      await Task.yield()
    }
    try await mentionsInReads(of: wanted, body)
  }

  private func mentionsInReads(
    of wanted: Set<[UInt8]>, _ body: (Mention) throws -> Void
  ) async throws {
    var range = KeyRange<KeyPair<UInt64, UInt32>>.all
    while true {
      var last: KeyPair<UInt64, UInt32>?
      try store.read { snapshot in
        try snapshot.scan(AuditTables.reads, range, limit: Self.mentionPageCount) { key, row in
          last = key
          let record = try AuditRecord(packed: row.content)
          guard record.pids.contains(where: wanted.contains) else { return .next }
          try body(Mention(place: key.first, position: key.second, record: record))
          return .next
        }
      }
      guard let last else { return }
      range = .after(last)
      try Task.checkCancellation()
      await Task.yield()
    }
  }

  private static let mentionPageCount = 1_000
}
