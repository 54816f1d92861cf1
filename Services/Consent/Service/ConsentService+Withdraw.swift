package import ConsentAPI
internal import PrivacyCore
package import RPC
internal import Transport

extension ConsentService {
  package func withdraw(
    _ request: WithdrawRequest, context: CallContext
  ) async throws -> WithdrawReply {
    let draft = ReceiptDraft(
      pid: try pid(request.pid), kind: .withdrawal, scopes: request.scopes,
      source: request.source, version: 0)
    let recorded = try await ledger.withdraw(draft, by: context.peer.spiffeID)
    let passage = try await pass(recorded.receipt)
    return WithdrawReply(
      receipt: recorded.receipt, gates: passage.outcomes, barrierUs: passage.durationUs)
  }

  /// Makes known that `receipt` takes something away, and returns when no gate serves it any more.
  func pass(_ receipt: Receipt) async throws -> GateRoster.Passage {
    let committedAt = time.monotonicMicroseconds
    roster.committed(receipt.sequence, takesAway: true)
    return try await roster.barrier(
      at: receipt.sequence, of: [try pid(receipt.pid)], since: committedAt)
  }
}
