package import ConsentAPI
package import RPC

extension ConsentService {
  package func watch(
    _ request: WatchRequest, replies: ReplyWriter<ChangeBatch>, context: CallContext
  ) async throws {
    try await wait(for: request.atLeast, context)
    if request.epoch != 0 {
      guard request.epoch == tokens.epoch else {
        throw logBehind("the position is in another epoch of the log")
      }
      guard request.afterSequence <= roster.lastPosition else {
        throw logBehind("the position is ahead of the log")
      }
    }
    guard request.follow else { return try await watch(request, replies: replies) }
    try await context.untilDrained { try await watch(request, replies: replies) }
  }

  private func watch(
    _ request: WatchRequest, replies: ReplyWriter<ChangeBatch>
  ) async throws {
    var position = request.afterSequence
    var isFirst = true
    while true {
      let generation = roster.logGrew.generation
      let start = position
      let receipts = try ledger.receipts(after: start, limit: configuration.feedBatchCount)
      if let last = receipts.last { position = last.sequence }
      // The first answer says where the feed stands, also when there is nothing new.
      if isFirst || !receipts.isEmpty {
        isFirst = false
        try await replies.send(
          ChangeBatch(
            changes: receipts, completeTo: position, afterSequence: start,
            epoch: roster.lastPosition == 0 ? 0 : tokens.epoch))
      }
      if receipts.isEmpty {
        guard request.follow else { return }
        try await roster.logGrew.wait(after: generation)
      }
    }
  }
}
