package import ConsentAPI
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  package func withdraw(
    _ request: WithdrawRequest, context: CallContext
  ) async throws -> WithdrawReply {
    var unnamed = request
    unnamed.idempotencyKey = ""
    let draft = ReceiptDraft(
      pid: try pid(request.pid), kind: .withdrawal, scopes: request.scopes,
      source: request.source, version: 0, details: request.details)
    let recorded = try await ledger.takeBack(
      draft, by: context.peer.spiffeID,
      request: try RequestIdentity(
        request.idempotencyKey, of: unnamed, method: "Withdraw", by: context.peer.spiffeID))
    let passage = try await pass(recorded.receipt)
    return WithdrawReply(
      receipt: recorded.receipt, gates: passage.outcomes, barrierUs: passage.durationUs,
      token: try token(recorded.receipt.sequence))
  }
}
