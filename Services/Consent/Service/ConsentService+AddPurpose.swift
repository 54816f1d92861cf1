internal import AuditLog
package import ConsentAPI
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  package func addPurpose(
    _ request: AddPurposeRequest, context: CallContext
  ) async throws -> AddPurposeReply {
    guard let purpose = request.purpose else { throw ReceiptRefusal.unknownPurpose }
    let principal = context.peer.spiffeID
    let added = try await register.add(purpose, at: time.now, store: ledger.store) {
      [audit = ledger.audit] transaction in
      try audit.append(
        AuditEntry(
          principal: principal, action: "consent.add_purpose", purpose: purpose.id),
        in: &transaction)
    }
    return AddPurposeReply(purpose: added.purpose, created: added.isNew)
  }
}
