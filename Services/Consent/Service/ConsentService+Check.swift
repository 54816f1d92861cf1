package import ConsentAPI
internal import ConsentVerifier
internal import PrivacyCore
package import RPC

extension ConsentService {
  /// The most checks in one request.
  static let checkCountMax = 4_096

  /// Runs where the request was read, so it never waits: a token that is ahead is refused.
  package func check(_ request: CheckRequest, context: CallContext) throws -> CheckReply {
    try require(request.atLeast)
    // Asked first: the answer knows no less.
    let position = roster.lastPosition
    let decision = try ledger.decide(question(request, by: register.current.rules))
    return CheckReply(decision, position: position)
  }

  package func checkBatch(
    _ request: CheckBatchRequest, context: CallContext
  ) async throws -> CheckBatchReply {
    guard request.checks.count <= Self.checkCountMax else {
      throw ReceiptRefusal.tooManyChecks(limit: Self.checkCountMax)
    }
    try await wait(for: request.atLeast, context)
    for check in request.checks where check.atLeast != nil {
      try await wait(for: check.atLeast, context)
    }
    let rules = register.current.rules
    let position = roster.lastPosition
    let decisions = try ledger.decide(try request.checks.map { try question($0, by: rules) })
    return CheckBatchReply(
      replies: decisions.map { CheckReply($0, position: position) })
  }

  private func question(
    _ request: CheckRequest, by rules: ReceiptRules
  ) throws -> ConsentQuestion {
    try rules.checkScope(request.scope)
    let at = request.atUs == 0 ? nil : Timestamp(microseconds: request.atUs)
    return ConsentQuestion(pid: try pid(request.pid), scope: request.scope, at: at)
  }
}

extension CheckReply {
  fileprivate init(_ decision: CheckDecision, position: UInt64) {
    self.init(
      granted: decision.reason == .granted, reason: decision.reason,
      consentID: decision.consentID, expiresAtUs: decision.expiresAtUs, sequence: position)
  }
}
