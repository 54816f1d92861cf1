package import ConsentAPI
internal import HTTP
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  package func addWebhook(
    _ request: AddWebhookRequest, context: CallContext
  ) async throws -> AddWebhookReply {
    guard var webhook = request.webhook, NameRule.accepts(webhook.id) else {
      throw ReceiptRefusal.malformedWebhook(
        "its id is no name: a lower-case letter, then a-z 0-9 _ - .")
    }
    guard let address = HTTPAddress(webhook.url) else {
      throw ReceiptRefusal.malformedWebhook(
        "its address is none: https://host/path; plain http only to this machine")
    }
    webhook.url = address.description
    let last = roster.lastPosition
    if request.fromNow { webhook.afterSequence = last }
    guard webhook.afterSequence <= last else {
      throw ReceiptRefusal.malformedWebhook("the log ends at \(last)")
    }
    webhook.addedAtUs = time.now.microseconds
    let added = try await ledger.add(
      webhook, countMax: configuration.webhooks.countMax, by: context.peer.spiffeID)
    sender.notify()
    return AddWebhookReply(
      webhook: added.webhook, signingKey: try secrets.webhookKey(webhook.id),
      created: added.isNew)
  }
}
