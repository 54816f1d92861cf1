internal import AuditLog
internal import PrivacyCore
package import RPC
internal import SealedStore
internal import StoredMessages
internal import Transport
package import VaultAPI

extension ReidentificationService {
  package func approve(
    _ request: ApproveReidentificationRequest, context: CallContext
  ) async throws -> ReidentificationCase {
    let person = try person(context)
    let warrantSeconds = configuration.warrantSeconds
    return try await book.step(by: person.id) {
      transaction, step -> CaseBook.Outcome<ReidentificationCase> in
      let id = request.id
      if step.path.frozen { return .refused(.frozen, case: id) }
      guard var record = try CaseBook.record(id, in: transaction) else {
        return .refused(.unknownCase, case: id)
      }
      if let refusal = record.refusal(ofApprovalBy: person) { return .refused(refusal, case: id) }
      let state = try record.state(at: step.now, on: step.path)
      guard state == .open else { return .refused(.notOpen(state), case: id) }
      record.approvals.append(
        ReidentificationApproval(approver: person.id, atUs: step.now.microseconds))
      var details = [
        ("case", id), ("ticket", record.ticket), ("purpose", record.purpose),
        ("approval", "\(record.approvals.count)"),
      ]
      if record.approvals.count == ReidentificationConfiguration.approvalCount {
        let expiry = step.now.advanced(byMicroseconds: warrantSeconds * 1_000_000)
        record.warrantExpiresAtUs = expiry.microseconds
        details.append(("warrant_expires_at", expiry.description))
      }
      try transaction.put(CaseTables.cases, id, StoredMessage(record))
      let entry = AuditEntry(
        principal: person.id, action: "reidentification.approve",
        details: details.map { (name: $0.0, value: $0.1) })
      return .done(try record.description(id: id, at: step.now, on: step.path), entry)
    }
  }

  package func deny(
    _ request: DenyReidentificationRequest, context: CallContext
  ) async throws -> ReidentificationCase {
    let person = try person(context)
    try checked(
      request.reason, 0...ReidentificationConfiguration.reasonByteCountMax, .reasonLength)
    return try await book.step(by: person.id) {
      transaction, step -> CaseBook.Outcome<ReidentificationCase> in
      let id = request.id
      if step.path.frozen { return .refused(.frozen, case: id) }
      guard var record = try CaseBook.record(id, in: transaction) else {
        return .refused(.unknownCase, case: id)
      }
      // One's own case is withdrawn, so that a denial is always somebody else's word.
      if person.isSame(asID: record.requester) { return .refused(.ownCase, case: id) }
      switch try record.state(at: step.now, on: step.path) {
      case .open, .approved: break
      case let state: return .refused(.notOpen(state), case: id)
      }
      try CaseBook.close(
        &record, id: id, as: .denied, by: person.id, reason: request.reason, at: step.now,
        in: &transaction)
      let entry = AuditEntry(
        principal: person.id, action: "reidentification.deny",
        details: [("case", id), ("reason", request.reason)])
      return .done(try record.description(id: id, at: step.now, on: step.path), entry)
    }
  }
}
