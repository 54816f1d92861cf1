package import ConsentAPI
internal import PrivacyCore
package import RPC

extension ConsentService {
  /// The most checks in one request.
  static let checkCountMax = 4_096

  package func check(_ request: CheckRequest, context: CallContext) async throws -> CheckReply {
    let replies = try await decide([request])
    guard let reply = replies.first else {
      throw RPCError(.internalError, "one check gave no answer")
    }
    return reply
  }

  package func checkBatch(
    _ request: CheckBatchRequest, context: CallContext
  ) async throws -> CheckBatchReply {
    guard request.checks.count <= Self.checkCountMax else {
      throw ReceiptRefusal.tooManyChecks(limit: Self.checkCountMax)
    }
    return CheckBatchReply(replies: try await decide(request.checks))
  }

  private func decide(_ requests: [CheckRequest]) async throws -> [CheckReply] {
    let checks = try requests.map { request in
      try rules.checkScopes([request.scope])
      let at = request.atUs == 0 ? nil : Timestamp(microseconds: request.atUs)
      return (pid: try pid(request.pid), scope: request.scope, at: at)
    }
    let (decisions, position) = try ledger.decide(checks)
    return decisions.map { decision in
      CheckReply(
        granted: decision.reason == .granted, reason: decision.reason,
        consentID: decision.consentID, expiresAtUs: decision.expiresAtUs, sequence: position)
    }
  }
}
