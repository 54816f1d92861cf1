internal import ConsentAPI
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages

extension ConsentLedger {
  /// What was answered to the same request before; `nil` where it was not, or too long ago.
  ///
  /// - Throws: `requestKeyReused` where the name was used for another request.
  func replay(
    _ request: RequestIdentity?, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> [Recorded]? {
    guard let request,
      let answered = try reader.get(ConsentTables.requests, request.key)?.message,
      isKept(answered)
    else { return nil }
    guard answered.requestHash == request.body else { throw ReceiptRefusal.requestKeyReused }
    var recorded: [Recorded] = []
    for (sequence, created) in zip(answered.sequences, answered.created) {
      // Whether a gate was told before the crash that made the caller ask again is not known, so
      // every answer goes through the barrier once more.
      recorded.append(
        Recorded(
          receipt: try Self.receipt(at: sequence, in: reader), isNew: created != 0,
          takesAway: true))
    }
    return recorded
  }

  /// The same from a snapshot of its own.
  package func replay(_ request: RequestIdentity?) throws -> [Recorded]? {
    guard request != nil else { return nil }
    return try store.read { try replay(request, in: $0) }
  }

  /// Notes what is answered to a request, and forgets the oldest notes there are too many of.
  func note(
    _ request: RequestIdentity?, _ recorded: [Recorded],
    in transaction: inout WriteTransaction
  ) throws {
    guard let request else { return }
    let number =
      (try transaction.keys(
        ConsentTables.requestOrder, reverse: true, limit: 1
      ).first ?? 0) + 1
    let answered = AnsweredRequest(
      requestHash: request.body, answeredAtUs: time.now.microseconds,
      sequences: recorded.map(\.receipt.sequence), created: recorded.map { $0.isNew ? 1 : 0 },
      number: number)
    try transaction.put(ConsentTables.requests, request.key, StoredMessage(answered))
    try transaction.put(ConsentTables.requestOrder, number, request.key)
    try forgetOldRequests(newest: number, in: &transaction)
  }

  /// Each new note takes two old ones along, so that a backlog shrinks.
  private func forgetOldRequests(
    newest: UInt64, in transaction: inout WriteTransaction
  ) throws {
    let oldest = try transaction.rows(ConsentTables.requestOrder, limit: 2)
    for (number, key) in oldest {
      let answered = try transaction.get(ConsentTables.requests, key)?.message
      // A name used again after its time stands under a newer number.
      let isCurrent = answered?.number == number
      let isOver = newest - number >= UInt64(requestCountMax)
      if let answered, isCurrent, isKept(answered), !isOver { return }
      if isCurrent { try transaction.delete(ConsentTables.requests, key) }
      try transaction.delete(ConsentTables.requestOrder, number)
    }
  }

  private func isKept(_ answered: AnsweredRequest) -> Bool {
    time.now.microseconds - answered.answeredAtUs < Int64(requestHours) * 3_600_000_000
  }
}
