package import ConsentAPI
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  package func liftRestriction(
    _ request: LiftRestrictionRequest, context: CallContext
  ) async throws -> LiftRestrictionReply {
    var unnamed = request
    unnamed.idempotencyKey = ""
    let draft = ReceiptDraft(
      pid: try pid(request.pid), kind: .restrictionLifted, scopes: request.scopes,
      source: request.source, version: 0, details: request.details)
    let recorded = try await ledger.lift(
      draft, by: context.peer.spiffeID,
      request: try RequestIdentity(
        request.idempotencyKey, of: unnamed, method: "LiftRestriction",
        by: context.peer.spiffeID))
    if recorded.isNew { roster.committed(recorded.receipt.sequence, takesAway: false) }
    return LiftRestrictionReply(
      receipt: recorded.receipt, token: try token(recorded.receipt.sequence))
  }
}
