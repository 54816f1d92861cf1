package import ConsentAPI
package import RPC
internal import Transport

extension ConsentService {
  package func resumeDeadLetters(
    _ request: ResumeDeadLettersRequest, context: CallContext
  ) async throws -> ResumeDeadLettersReply {
    let resumed = try await ledger.resumeDeadLetters(
      of: request.id, by: context.peer.spiffeID)
    sender.notify()
    return ResumeDeadLettersReply(resumed: resumed)
  }
}
