package import ConsentAPI
package import RPC
internal import Transport

extension ConsentService {
  package func removeWebhook(
    _ request: RemoveWebhookRequest, context: CallContext
  ) async throws -> RemoveWebhookReply {
    let removed = try await ledger.removeWebhook(request.id, by: context.peer.spiffeID)
    sender.notify()
    return RemoveWebhookReply(removed: removed)
  }
}
