package import CommonAPI
internal import ConsentAPI
internal import PrivacyCore
package import RPC
internal import ServiceKit

extension ConsentService {
  package func holdings(
    _ request: HoldingsRequest, replies: ReplyWriter<HoldingsChunk>, context: CallContext
  ) async throws {
    try await holdings(request, context: context) { try await replies.send($0) }
  }

  /// Everything about a person, piece by piece.
  package func holdings(
    _ request: HoldingsRequest, context: CallContext, send: (HoldingsChunk) async throws -> Void
  ) async throws {
    let answer = HoldingsAnswer(of: .consent, audit: ledger.audit, time: time)
    try await answer.answer(request, context: context, send: send) { held in
      try held.remark(
        """
        Each position of a receipt is its place in the one log of all decisions. Which services \
        asked for a decision, and when, is not kept: they follow that log.
        """)
      // Both pids of somebody mean the same rows.
      let people = try ledger.people(held.pids)
      for pid in people.pids {
        let (state, _) = try ledger.standing(of: pid)
        for standing in state.standings(
          in: register.current.catalog, language: "", now: time.now)
        where standing.reason != .neverAsked {
          try held.add("state", key: [("pid", .pid(pid))], standing)
        }
      }
      try ledger.gather(&held, of: people.pids)
      try await held.add(
        mentionsOf: people.formers.union(people.pids).subtracting(held.pids), in: ledger.audit)
    }
  }
}
