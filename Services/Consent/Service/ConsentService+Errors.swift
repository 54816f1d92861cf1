internal import PrivacyCore
package import RPC
internal import SealedStore

extension ReceiptRefusal: RPCErrorConvertible {
  package var rpcError: RPCError { RPCError(code, description) }

  private var code: StatusCode {
    switch self {
    case .duplicateID: .alreadyExists
    case .unknownReceipt: .notFound
    case .erased, .takenBackLater: .failedPrecondition
    case .tooManyReceipts: .resourceExhausted
    case .erasureNotAllowed: .permissionDenied
    case .malformedJSON, .malformedPID, .malformedConsentID, .noScopes, .tooManyScopes,
      .scopeNamedTwice, .malformedScope, .unknownScope, .noExpiry, .needlessExpiry,
      .expiryNotAfterGrant, .timeOutOfRange, .noSource, .malformedSource, .sourceLooksLike,
      .noVersion, .tooManyChecks, .malformedGround:
      .invalidArgument
    }
  }
}

/// Runs the body of an RPC and gives the errors of the store a status a caller can act on.
func answering<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
  do {
    return try await body()
  } catch let error as StoreError {
    switch error {
    case .overloaded: throw RPCError(.resourceExhausted, "too many writes are waiting; try again")
    case .closed: throw RPCError(.unavailable, "the service is stopping")
    case .diskFull, .inputOutput, .mapFull, .reopenNeeded:
      throw RPCError(.unavailable, "the store cannot write now; nothing was recorded")
    case .transactionTooLarge: throw RPCError(.invalidArgument, "the chunk is too large")
    default: throw error
    }
  }
}

/// The pid in a request.
func pid(_ bytes: [UInt8]) throws(ReceiptRefusal) -> PseudonymousID {
  guard let pid = PseudonymousID(bytes: bytes) else { throw .malformedPID }
  return pid
}
