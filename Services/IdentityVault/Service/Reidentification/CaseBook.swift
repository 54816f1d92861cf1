internal import AuditLog
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import VaultAPI

/// The cases of re-identification and whether their path is open: the only code that knows their
/// tables. A step, its entry in the audit log and the time that it happened are one transaction: what
/// cannot be logged does not happen.
struct CaseBook: Sendable {
  let store: SealedStore
  let audit: AuditLog
  let time: any TimeSource
  let random: any RandomSource
  let configuration: ReidentificationConfiguration

  /// What a step sees and changes.
  struct Step: Sendable {
    /// The state of the path, as it will be stored.
    var path: PathRecord
    /// When the step happens.
    let now: Timestamp
  }

  /// How a step ended: with its value and what the log says of it, or refused.
  enum Outcome<Value: Sendable> {
    case done(Value, AuditEntry)
    /// Nothing changes, and there is nothing new to say.
    case unchanged(Value)
    case refused(ReidentificationRefusal, case: String)
  }

  /// Takes one step: what `body` changed and its entry become durable together. A refusal that shows
  /// an attempt to get round the rules has an entry as well.
  func step<Value: Sendable>(
    by principal: String,
    _ body: @escaping @Sendable (inout WriteTransaction, inout Step) throws -> Outcome<Value>
  ) async throws -> Value {
    let result = try await store.write { transaction -> Result<Value, ReidentificationRefusal> in
      let path = try path(in: transaction)
      var step = Step(path: path, now: path.moment(time.now))
      switch try body(&transaction, &step) {
      case .unchanged(let value): return .success(value)
      case .refused(let refusal, let id):
        if refusal.isLogged {
          let entry = AuditEntry(
            principal: principal, action: "reidentification.refuse",
            details: [("case", id), ("reason", refusal.description)])
          try audit.append(entry, in: &transaction)
          try Self.keep(path, at: step.now, in: &transaction)
        }
        return .failure(refusal)
      case .done(let value, let entry):
        try audit.append(entry, in: &transaction)
        try Self.keep(step.path, at: step.now, in: &transaction)
        return .success(value)
      }
    }
    return try result.value.get()
  }

  // MARK: - Rows

  /// The state of the path. In a store that was restored from a backup it is frozen until two people
  /// have opened it: warrants that were used since are there again, and a freeze may be gone.
  func path(in reader: borrowing some StoreReading & ~Copyable) throws -> PathRecord {
    var path = try reader.get(CaseTables.path, CaseTables.pathKey)?.message ?? PathRecord()
    let writtenIn = path.history.isEmpty ? store.storeID : path.history
    if writtenIn != store.historyID {
      path.frozen = true
      path.freezeCount += 1
      path.frozenBy = Self.restorer
      path.frozenAtUs = path.latestUs
      path.reason = "the store was restored from a backup"
      path.unfreezeProposedBy = ""
      path.unfreezeExpiresAtUs = 0
    }
    path.history = store.historyID
    return path
  }

  /// Who froze the path of a store that was restored.
  private static let restorer = "tacit:restore"

  private static func keep(
    _ path: PathRecord, at now: Timestamp, in transaction: inout WriteTransaction
  ) throws {
    var path = path
    path.latestUs = now.microseconds
    try transaction.put(CaseTables.path, CaseTables.pathKey, StoredMessage(path))
  }

  /// The case with this id; `nil` where there is none.
  static func record(
    _ id: String, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> CaseRecord? {
    // An id that is none is no key either.
    guard CaseID.accepts(id) else { return nil }
    return try reader.get(CaseTables.cases, id)?.message
  }

  /// Ends a case.
  static func close(
    _ record: inout CaseRecord, id: String, as state: ReidentificationState, by principal: String,
    reason: String = "", at now: Timestamp, in transaction: inout WriteTransaction
  ) throws {
    record.closed = state
    record.closedBy = principal
    record.closedAtUs = now.microseconds
    record.reason = reason
    try transaction.put(CaseTables.cases, id, StoredMessage(record))
    try transaction.delete(CaseTables.pending, KeyPair(record.requester, id))
  }

  // MARK: - Reading

  /// Up to `limit` cases before `before`, newest first, and the state of the path.
  func list(
    id: String, pendingOnly: Bool, before: String, limit: Int
  ) throws -> ListReidentificationsReply {
    let clock = time.now
    return try store.read { snapshot in
      let path = try path(in: snapshot)
      let now = path.moment(clock)
      var reply = ListReidentificationsReply(path: path.description(at: now))
      if !id.isEmpty {
        guard let record = try Self.record(id, in: snapshot) else {
          throw ReidentificationRefusal.unknownCase
        }
        reply.cases = [try record.description(id: id, at: now, on: path)]
        return reply
      }
      let range = before.isEmpty ? KeyRange<String>.all : KeyRange<String>.all.below(before)
      try snapshot.scan(CaseTables.cases, range, reverse: true) { id, value in
        let shown = try value.message.description(id: id, at: now, on: path)
        if !pendingOnly || shown.state == .open || shown.state == .approved {
          reply.cases.append(shown)
        }
        return reply.cases.count < limit ? .next : .stop
      }
      return reply
    }
  }

  /// How many cases may be open or approved, and whether the path is frozen.
  func measures() throws -> (pending: Int, isFrozen: Bool) {
    try store.read { snapshot in
      (try snapshot.count(CaseTables.pending), try path(in: snapshot).frozen)
    }
  }
}

/// The id of a case: `r_` and a ULID.
enum CaseID {
  static func make(at now: Timestamp, random: any RandomSource) -> String {
    "r_" + ULID(at: now, random: random).description
  }

  static func accepts(_ text: String) -> Bool {
    text.hasPrefix("r_") && ULID(text: text.dropFirst(2)) != nil
  }
}
