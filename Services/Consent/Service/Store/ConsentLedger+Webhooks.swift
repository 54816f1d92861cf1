internal import AuditLog
package import ConsentAPI
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages

/// A change that a system outside did not take, by its position.
struct NumberedLetter: Sendable {
  let sequence: UInt64
  let letter: StoredDeadLetter
}

extension ConsentLedger {
  /// The systems outside, by name.
  package func webhooks() throws -> [WebhookProgress] {
    try store.read { try $0.rows(ConsentTables.webhooks).map(\.value.message) }
  }

  /// Records a system outside, or answers the one that is there under its name.
  package func add(
    _ webhook: Webhook, countMax: Int, by principal: String
  ) async throws -> (webhook: Webhook, isNew: Bool) {
    try await store.write { transaction in
      if let found = try transaction.get(ConsentTables.webhooks, webhook.id)?.message.webhook {
        guard found.url == webhook.url else { throw ReceiptRefusal.otherWebhook }
        return (found, false)
      }
      guard try transaction.count(ConsentTables.webhooks) < countMax else {
        throw ReceiptRefusal.tooManyWebhooks(limit: countMax)
      }
      let progress = WebhookProgress(webhook: webhook, settledSequence: webhook.afterSequence)
      try transaction.put(ConsentTables.webhooks, webhook.id, StoredMessage(progress))
      try auditWebhook("consent.add_webhook", webhook.id, by: principal, in: &transaction)
      return (webhook, true)
    }.value
  }

  /// Removes a system outside with its position and dead letters. False where there is none.
  package func removeWebhook(_ id: String, by principal: String) async throws -> Bool {
    try await store.write { transaction in
      guard try transaction.contains(ConsentTables.webhooks, id) else { return false }
      try transaction.delete(ConsentTables.webhooks, id)
      try transaction.delete(ConsentTables.deadLetters, .prefix(id))
      try auditWebhook("consent.remove_webhook", id, by: principal, in: &transaction)
      return true
    }.value
  }

  /// Notes how far a system is, which changes it did not take, and which it took late.
  ///
  /// - Returns: false where the system was removed meanwhile.
  func settle(
    _ id: String, through position: UInt64, dead: [NumberedLetter],
    taken: [UInt64] = []
  ) async throws -> Bool {
    try await store.write { transaction in
      guard var progress = try transaction.get(ConsentTables.webhooks, id)?.message else {
        return false
      }
      progress.settledSequence = max(progress.settledSequence, position)
      try transaction.put(ConsentTables.webhooks, id, StoredMessage(progress))
      for letter in dead {
        try transaction.put(
          ConsentTables.deadLetters, KeyPair(id, letter.sequence), StoredMessage(letter.letter))
      }
      for sequence in taken {
        try transaction.delete(ConsentTables.deadLetters, KeyPair(id, sequence))
      }
      return true
    }.value
  }

  /// The changes that a system did not take, after a position, in log order.
  func deadLetters(
    of id: String, after position: UInt64 = 0, limit: Int = .max
  ) throws -> [NumberedLetter] {
    try store.read { snapshot in
      try snapshot.rows(
        ConsentTables.deadLetters, .prefix(id).after(KeyPair(id, position)), limit: limit
      ).map { NumberedLetter(sequence: $0.key.second, letter: $0.value.message) }
    }
  }

  /// Marks all of a system's dead letters to be sent again, and says how many there are.
  package func resumeDeadLetters(of id: String, by principal: String) async throws -> UInt64 {
    try await store.write { transaction in
      guard try transaction.contains(ConsentTables.webhooks, id) else {
        throw ReceiptRefusal.unknownWebhook
      }
      let letters = try transaction.rows(ConsentTables.deadLetters, .prefix(id))
      for (key, stored) in letters where !stored.message.isResumed {
        var letter = stored.message
        letter.isResumed = true
        try transaction.put(ConsentTables.deadLetters, key, StoredMessage(letter))
      }
      try auditWebhook("consent.resume_dead_letters", id, by: principal, in: &transaction)
      return UInt64(letters.count)
    }.value
  }

  /// The receipts at these positions.
  func receipts(at positions: [UInt64]) throws -> [Receipt] {
    try store.read { snapshot in
      var receipts: [Receipt] = []
      for position in positions { receipts.append(try Self.receipt(at: position, in: snapshot)) }
      return receipts
    }
  }

  private func auditWebhook(
    _ action: String, _ id: String, by principal: String,
    in transaction: inout WriteTransaction
  ) throws {
    try audit.append(
      AuditEntry(principal: principal, action: action, details: [("webhook", id)]),
      in: &transaction)
  }
}
