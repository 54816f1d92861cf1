package import ConsentAPI
internal import PrivacyCore
package import RPC

extension ConsentService {
  /// Waits for a commit where the time in question is newer than the last one, and for a checkpoint
  /// where the newest does not cover what is to be proven.
  package func prove(
    _ request: ProveRequest, context: CallContext
  ) async throws -> ConsentEvidence {
    let pid = try pid(request.pid)
    try register.current.rules.checkScope(request.scope)
    let at = request.atUs == 0 ? nil : Timestamp(microseconds: request.atUs)
    if let at, at > time.now { throw ReceiptRefusal.timeToCome }
    try await wait(for: request.atLeast, context)
    return try await ledger.evidence(
      of: pid, for: request.scope, at: at, cosigned: request.cosigned)
  }
}
