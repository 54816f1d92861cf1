internal import PrivacyCore
package import RPC

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

/// The pid in a request.
func pid(_ bytes: [UInt8]) throws(ReceiptRefusal) -> PseudonymousID {
  guard let pid = PseudonymousID(bytes: bytes) else { throw .malformedPID }
  return pid
}
