internal import AuditLog
internal import PrivacyCore
package import RPC
internal import Transport
package import VaultAPI

extension ReidentificationService {
  /// Whoever has the right can freeze, services too: it only takes away. Freezing again stops an
  /// opening that was proposed.
  package func freeze(
    _ request: FreezeReidentificationRequest, context: CallContext
  ) async throws -> ReidentificationPath {
    try checked(
      request.reason, 0...ReidentificationConfiguration.reasonByteCountMax, .reasonLength)
    let principal = context.peer.spiffeID
    return try await book.step(by: principal) { _, step -> CaseBook.Outcome<ReidentificationPath> in
      let isProposed = step.path.description(at: step.now).unfreezeExpiresAtUs != 0
      if step.path.frozen, !isProposed {
        return .unchanged(step.path.description(at: step.now))
      }
      // What is open now never comes back: whoever opens the path again does not open that.
      step.path.freezeCount += 1
      step.path.frozen = true
      step.path.frozenBy = principal
      step.path.frozenAtUs = step.now.microseconds
      step.path.reason = request.reason
      step.path.unfreezeProposedBy = ""
      step.path.unfreezeExpiresAtUs = 0
      let entry = AuditEntry(
        principal: principal, action: "reidentification.freeze",
        details: [("reason", request.reason)])
      return .done(step.path.description(at: step.now), entry)
    }
  }

  package func unfreeze(
    _ request: UnfreezeReidentificationRequest, context: CallContext
  ) async throws -> ReidentificationPath {
    let person = try person(context)
    return try await book.step(by: person.id) { _, step -> CaseBook.Outcome<ReidentificationPath> in
      guard step.path.frozen else { return .refused(.notFrozen, case: "") }
      if step.now.microseconds < step.path.unfreezeExpiresAtUs {
        let proposer = step.path.unfreezeProposedBy
        guard !person.isSame(asID: proposer) else { return .refused(.proposedAlready, case: "") }
        step.path.frozen = false
        step.path.unfreezeProposedBy = ""
        step.path.unfreezeExpiresAtUs = 0
        let entry = AuditEntry(
          principal: person.id, action: "reidentification.unfreeze",
          details: [("proposed_by", proposer)])
        return .done(step.path.description(at: step.now), entry)
      }
      step.path.unfreezeProposedBy = person.id
      step.path.unfreezeExpiresAtUs =
        step.now.advanced(
          byMicroseconds: ReidentificationConfiguration.unfreezeSeconds * 1_000_000
        ).microseconds
      let entry = AuditEntry(
        principal: person.id, action: "reidentification.propose_unfreeze",
        details: [
          (
            "expires_at", Timestamp(microseconds: step.path.unfreezeExpiresAtUs).description
          )
        ])
      return .done(step.path.description(at: step.now), entry)
    }
  }
}
