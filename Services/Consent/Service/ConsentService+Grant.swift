package import ConsentAPI
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  package func grant(_ request: GrantRequest, context: CallContext) async throws -> GrantReply {
    var unnamed = request
    unnamed.idempotencyKey = ""
    let recorded = try await ledger.answer(
      try draft(of: request), by: context.peer.spiffeID,
      request: try RequestIdentity(
        request.idempotencyKey, of: unnamed, method: "Grant", by: context.peer.spiffeID))
    let gates = try await bringIntoForce(recorded)
    return GrantReply(
      receipt: recorded.receipt, created: recorded.isNew,
      token: try token(recorded.receipt.sequence), gates: gates)
  }

  private func draft(of request: GrantRequest) throws(ReceiptRefusal) -> ReceiptDraft {
    var id: ConsentID?
    if !request.consentID.isEmpty {
      id = ConsentID(text: request.consentID)
      if id == nil { throw .malformedConsentID }
    }
    let isDenial = request.scopes.isEmpty && !request.deniedScopes.isEmpty
    return ReceiptDraft(
      consentID: id, pid: try pid(request.pid), kind: isDenial ? .denial : .grant,
      scopes: request.scopes, deniedScopes: request.deniedScopes,
      grantedAt: request.grantedAtUs == 0 ? nil : Timestamp(microseconds: request.grantedAtUs),
      expiresAt: request.expiresAtUs == 0 ? nil : Timestamp(microseconds: request.expiresAtUs),
      source: request.source, version: request.version, details: request.details)
  }
}
