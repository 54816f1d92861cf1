package import ConsentAPI
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  package func grant(_ request: GrantRequest, context: CallContext) async throws -> GrantReply {
    let draft = try draft(of: request)
    let recorded = try await ledger.grant(draft, by: context.peer.spiffeID)
    if recorded.isNew {
      roster.committed(recorded.receipt.sequence, takesAway: false)
      try await roster.settle(
        at: recorded.receipt.sequence, limitMs: configuration.grantSettleMs)
    }
    return GrantReply(receipt: recorded.receipt, created: recorded.isNew)
  }

  private func draft(of request: GrantRequest) throws(ReceiptRefusal) -> ReceiptDraft {
    var id: ConsentID?
    if !request.consentID.isEmpty {
      id = ConsentID(text: request.consentID)
      if id == nil { throw .malformedConsentID }
    }
    return ReceiptDraft(
      consentID: id, pid: try pid(request.pid), kind: .grant, scopes: request.scopes,
      grantedAt: request.grantedAtUs == 0 ? nil : Timestamp(microseconds: request.grantedAtUs),
      expiresAt: request.expiresAtUs == 0 ? nil : Timestamp(microseconds: request.expiresAtUs),
      source: request.source, version: request.version)
  }
}
