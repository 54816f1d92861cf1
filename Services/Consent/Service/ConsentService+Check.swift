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
    let current = register.current
    let question = try check(request, by: current.rules)
    let (decisions, position) = try ledger.decide(CollectionOfOne(question))
    guard let decision = decisions.first else {
      throw RPCError(.internalError, "one check gave no answer")
    }
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
    let (decisions, position) = try ledger.decide(
      try request.checks.map { try check($0, by: rules) })
    return CheckBatchReply(
      replies: decisions.map { CheckReply($0, position: position) })
  }

  private func check(
    _ request: CheckRequest, by rules: ReceiptRules
  ) throws -> (pid: PseudonymousID, scope: String, at: Timestamp?) {
    try rules.checkScope(request.scope)
    let at = request.atUs == 0 ? nil : Timestamp(microseconds: request.atUs)
    return (pid: try pid(request.pid), scope: request.scope, at: at)
  }
}

extension CheckReply {
  fileprivate init(_ decision: CheckDecision, position: UInt64) {
    self.init(
      granted: decision.reason == .granted, reason: decision.reason,
      consentID: decision.consentID, expiresAtUs: decision.expiresAtUs, sequence: position)
  }
}
