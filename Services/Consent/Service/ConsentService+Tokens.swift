internal import CommonAPI
internal import ConsentAPI
internal import PrivacyCore
internal import RPC

extension ConsentService {
  /// The token of a position, for the caller who wrote up to there.
  func token(_ position: UInt64) throws -> ConsentToken { try tokens.token(position) }

  /// Returns once everything that `token` stands for is known, within the call's deadline.
  ///
  /// - Throws: `behindToken` when the time is up; see also `ConsentTokens.position(of:)`.
  func wait(for token: ConsentToken?, _ context: CallContext) async throws {
    let position = try tokens.position(of: token)
    let limit = Int64(configuration.tokenWaitMs) * 1_000
    let end =
      time.monotonicMicroseconds + (context.deadline?.remainingMicroseconds(context.time) ?? limit)
    while true {
      let generation = roster.logGrew.generation
      if roster.lastPosition >= position { return }
      let left = end - time.monotonicMicroseconds
      guard left > 0 else { throw ReceiptRefusal.behindToken(known: roster.lastPosition) }
      try await roster.logGrew.wait(after: generation, timeoutMicroseconds: left)
    }
  }

  /// The same without waiting.
  func require(_ token: ConsentToken?) throws {
    guard let token else { return }
    let position = try tokens.position(of: token)
    let last = roster.lastPosition
    guard last >= position else { throw ReceiptRefusal.behindToken(known: last) }
  }
}
