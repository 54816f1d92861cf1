package import ConsentAPI
package import RPC

extension ConsentService {
  /// The most dead letters in one answer.
  private static let letterCountMax = 1_000

  package func listDeadLetters(
    _ request: ListDeadLettersRequest, context: CallContext
  ) async throws -> ListDeadLettersReply {
    guard try ledger.webhooks().contains(where: { $0.webhook?.id == request.id }) else {
      throw ReceiptRefusal.unknownWebhook
    }
    let letters = try ledger.deadLetters(
      of: request.id, after: request.afterSequence, limit: Self.letterCountMax)
    let receipts = try ledger.receipts(at: letters.map(\.sequence))
    return ListDeadLettersReply(
      letters: zip(letters, receipts).map { letter, receipt in
        DeadLetter(
          sequence: letter.sequence, consentID: receipt.consentID,
          attempts: letter.letter.attempts, reason: letter.letter.reason,
          givenUpAtUs: letter.letter.givenUpAtUs)
      })
  }
}
