package import ConsentAPI
package import RPC

extension ConsentService {
  package func history(
    _ request: HistoryRequest, context: CallContext
  ) async throws -> HistoryReply {
    let pid = try pid(request.pid)
    try await wait(for: request.atLeast, context)
    return HistoryReply(receipts: try ledger.receipts(of: pid))
  }
}
