package import ConsentAPI
package import RPC

extension ConsentService {
  package func listWebhooks(
    _ request: ListWebhooksRequest, context: CallContext
  ) async throws -> ListWebhooksReply {
    let last = roster.lastPosition
    return ListWebhooksReply(
      webhooks: try ledger.webhooks().map { progress in
        let id = progress.webhook?.id ?? ""
        return WebhookStanding(
          webhook: progress.webhook, settledSequence: progress.settledSequence,
          waiting: last > progress.settledSequence ? last - progress.settledSequence : 0,
          deadLetters: UInt64(try ledger.deadLetters(of: id).count),
          lastFailure: sender.lastFailure(of: id) ?? "")
      })
  }
}
