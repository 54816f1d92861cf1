package import ConsentAPI
package import RPC

extension ConsentService {
  package func export(
    _ request: ExportRequest, replies: ReplyWriter<ExportChunk>, context: CallContext
  ) async throws {
    try await wait(for: request.atLeast, context)
    var position = request.afterSequence
    while true {
      let receipts = try ledger.receipts(after: position, limit: configuration.feedBatchCount)
      guard let last = receipts.last else { return }
      position = last.sequence
      try await replies.send(
        ExportChunk(lines: receipts.map(ReceiptJSON.line), lastSequence: position))
    }
  }
}
