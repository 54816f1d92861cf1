internal import AuditLog
package import ConsentAPI
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  package func addNotice(
    _ request: AddNoticeRequest, context: CallContext
  ) async throws -> AddNoticeReply {
    guard let notice = request.notice else { throw ReceiptRefusal.unknownNotice }
    let principal = context.peer.spiffeID
    let added = try await register.add(notice, at: time.now, store: ledger.store) {
      [audit = ledger.audit] transaction in
      try audit.append(
        AuditEntry(
          principal: principal, action: "consent.add_notice", details: [("notice", notice.id)]),
        in: &transaction)
    }
    return AddNoticeReply(notice: added.notice, created: added.isNew)
  }
}
