package import RPC
internal import Transport
package import VaultAPI

extension IdentityVaultService {
  /// Each batch stands for itself: the people of one that was answered are recorded, whatever
  /// becomes of the next.
  package func pseudonymizeStream(
    _ requests: RequestStream<PseudonymizeRequest>, replies: ReplyWriter<PseudonymizeReply>,
    context: CallContext
  ) async throws {
    try callers.checkStream(of: context.peer)
    for try await request in requests {
      try await replies.send(try await pseudonymize(request, context: context))
    }
  }
}
