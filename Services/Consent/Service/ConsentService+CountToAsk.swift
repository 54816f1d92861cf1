package import ConsentAPI
internal import PrivacyCore
package import RPC

extension ConsentService {
  /// How many people are looked at in one snapshot.
  private static let peoplePerSnapshot = 5_000

  /// Reads the state of everybody, a snapshot at a time.
  package func countToAsk(
    _ request: CountToAskRequest, context: CallContext
  ) async throws -> CountToAskReply {
    let catalog = register.current.catalog
    let target = try catalog.notice(request.id, version: request.version)
    var count = AskingCount(target, versions: catalog.notices[request.id] ?? [])
    let sequence = roster.lastPosition
    var last: PseudonymousID?
    while true {
      try Task.checkCancellation()
      let states = try ledger.states(after: last, limit: Self.peoplePerSnapshot)
      guard let end = states.last else { break }
      let now = time.now
      for (_, state) in states { count.add(state, at: now) }
      last = end.pid
      await Task.yield()
    }
    var reply = count.reply
    reply.sequence = sequence
    return reply
  }
}
