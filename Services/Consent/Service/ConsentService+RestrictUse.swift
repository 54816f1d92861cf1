package import ConsentAPI
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  package func restrictUse(
    _ request: RestrictUseRequest, context: CallContext
  ) async throws -> BarrierReply {
    var unnamed = request
    unnamed.idempotencyKey = ""
    let draft = ReceiptDraft(
      pid: try pid(request.pid), kind: .restriction, scopes: request.scopes,
      source: request.source, version: 0, details: request.details)
    let recorded = try await ledger.takeBack(
      draft, by: context.peer.spiffeID,
      request: try RequestIdentity(
        request.idempotencyKey, of: unnamed, method: "RestrictUse", by: context.peer.spiffeID))
    let passage = try await pass(recorded.receipt)
    return BarrierReply(
      receipt: recorded.receipt, gates: passage.outcomes, barrierUs: passage.durationUs,
      token: try token(recorded.receipt.sequence))
  }
}
