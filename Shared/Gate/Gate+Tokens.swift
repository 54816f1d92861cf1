public import CommonAPI
internal import ConsentAPI
internal import Cryptography
public import PrivacyCore
public import RPC
internal import Synchronization

/// Judges consistency tokens at a gate.
///
/// Tokens pass through callers that nobody vouches for, so a gate looks at their codes itself: a
/// position that was made up would let a caller hold reads up for as long as it likes. The key
/// comes over the gate's line to the consent service; it is good for nothing else, and a gate that
/// misused it could make reads wait, which it can in any case.
struct TokenJudge: Sendable {
  let epoch: UInt64
  let key: PositionKey

  /// The position that `token` stands for.
  func position(of token: ConsentToken) throws -> LogSequenceNumber {
    guard token.epoch == epoch else { throw TokenRefusal.otherEpoch }
    guard try key.verify(token.mac, epoch: epoch, position: token.sequence) else {
      throw TokenRefusal.forged
    }
    return LogSequenceNumber(token.sequence)
  }
}

/// Why a read with a consistency token is not answered.
public enum TokenRefusal: RPCErrorConvertible, Equatable {
  /// The token's code is not one of the consent service's.
  case forged
  /// The token is of another history of the consent log.
  case otherEpoch
  /// The gate does not know everything up to the token's position, and the time is up.
  case behind(applied: LogSequenceNumber)
  /// The gate has not reached the consent service since it started, so it cannot judge tokens.
  case unjudged

  public var rpcError: RPCError {
    switch self {
    case .forged:
      RPCError(.invalidArgument, "the consistency token is not one of the consent service's")
    case .otherEpoch:
      RPCError(
        .failedPrecondition,
        "the consistency token belongs to another epoch of the consent log; read without it")
    case .behind(let applied):
      RPCError(.unavailable, "consent is known up to position \(applied) only")
    case .unjudged:
      RPCError(
        .unavailable, "the consent service cannot be reached, so the token cannot be judged")
    }
  }
}

extension Gate {
  /// How long a read waits for a token where its caller has no deadline, in milliseconds.
  private static let tokenWaitMs: Int64 = 1_000

  /// Returns once everything that `token` stands for is applied; at once where there is none.
  ///
  /// - Parameter deadline: when the caller stops waiting; a second from now where there is none.
  /// - Throws: `TokenRefusal`.
  public func wait(for token: ConsentToken?, until deadline: Deadline?) async throws {
    guard let token else { return }
    let end =
      deadline?.monotonicMicroseconds
      ?? time.monotonicMicroseconds + Self.tokenWaitMs * 1_000
    while true {
      let (judge, applied) = state.withLock { ($0.tokens, $0.applied) }
      if let judge {
        let position = try judge.position(of: token)
        if applied >= position { return }
      }
      guard time.monotonicMicroseconds < end else {
        throw judge == nil ? TokenRefusal.unjudged : .behind(applied: applied)
      }
      try await time.sleep(milliseconds: 1)
    }
  }

  /// Takes in what the consent service says of its tokens.
  func take(_ welcome: GateWelcome) throws {
    let key = try PositionKey(secret: SecretBytes(copying: welcome.tokenKey))
    try state.withLock { state throws(RPCError) in
      if let known = state.tokens?.epoch, known != welcome.epoch, state.applied > .zero {
        // Only a service that does not look at epochs lets it come to this.
        state = State()
        throw RPCError(.dataLoss, "the consent log is of another epoch than what this gate knows")
      }
      state.tokens = TokenJudge(epoch: welcome.epoch, key: key)
    }
  }
}

// MARK: - For tests of services

extension Gate {
  /// Takes tokens of this epoch under this key.
  package func giveTokenKey(epoch: UInt64, key: [UInt8]) throws {
    try take(GateWelcome(epoch: epoch, tokenKey: key))
  }
}
