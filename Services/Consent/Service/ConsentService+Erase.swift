package import ConsentAPI
internal import Logging
internal import PrivacyCore
package import RPC
internal import Transport
package import VaultAPI

/// Destroys what makes a person readable. The identity vault's client is one.
package protocol SubjectVault: Sendable {
  /// Destroys the person's key and identifiers; asked again, it answers again.
  func forget(_ request: ForgetRequest) async throws(RPCError) -> ForgetReply
}

/// The vault, over the network.
package struct RemoteVault: SubjectVault {
  private let client: VaultClient

  package init(_ client: VaultClient) { self.client = client }

  package func forget(_ request: ForgetRequest) async throws(RPCError) -> ForgetReply {
    try await client.forget(request, options: CallOptions(timeoutMs: 10_000))
  }
}

extension ConsentService {
  package func erase(_ request: EraseRequest, context: CallContext) async throws -> EraseReply {
    let startedAt = time.monotonicMicroseconds
    let pid = try pid(request.pid)
    guard NameRule.accepts(request.ground) else { throw ReceiptRefusal.malformedGround }
    let draft = ReceiptDraft(
      pid: pid, kind: .erasure, scopes: [], source: request.source, version: 0)
    var unnamed = request
    unnamed.idempotencyKey = ""
    let recorded = try await ledger.erase(
      draft, ground: request.ground, by: context.peer.spiffeID,
      request: try RequestIdentity(
        request.idempotencyKey, of: unnamed, method: "Erase", by: context.peer.spiffeID))
    let passage = try await pass(recorded.receipt)
    let task = try await finish(
      PendingErasure(sequence: recorded.receipt.sequence, pid: pid))
    return EraseReply(
      receipt: recorded.receipt, gates: passage.outcomes,
      subjectKeyDestroyed: task.keyDestroyed,
      durationUs: time.monotonicMicroseconds - startedAt,
      token: try token(recorded.receipt.sequence))
  }

  /// Lets the vault destroy the person's key, unless it has done so.
  private func finish(_ erasure: PendingErasure) async throws -> ErasureTask {
    if let task = try ledger.erasureTask(erasure.sequence), task.isDone { return task }
    let reply: ForgetReply
    do throws(RPCError) {
      reply = try await vault.forget(
        ForgetRequest(pid: erasure.pid.bytes, erasureSequence: erasure.sequence))
    } catch {
      throw RPCError(
        .unavailable,
        "the erasure is recorded and in force, but the vault did not destroy the subject key "
          + "(\(error.code)); this service asks again until it does",
        details: [StatusDetail("erasure-sequence", "\(erasure.sequence)")])
    }
    return try await ledger.finishErasure(
      erasure.sequence, keyDestroyed: reply.keyDestroyed,
      identifiersRemoved: reply.identifiersRemoved)
  }

  /// Carries out what is left of recorded erasures, again and again until the task is cancelled.
  func retryErasures() async throws {
    while true {
      for erasure in try ledger.pendingErasures() {
        do {
          _ = try await finish(erasure)
          log.notice(
            "an erasure is complete", metadata: ["sequence": "\(erasure.sequence)"])
        } catch {
          try Task.checkCancellation()
          log.warning(
            "an erasure waits for the vault",
            metadata: ["sequence": "\(erasure.sequence)", "reason": "\(error)"])
          // One refusal may concern one person; the next may still succeed.
        }
      }
      try await time.sleep(milliseconds: configuration.erasureRetryMs)
    }
  }
}
