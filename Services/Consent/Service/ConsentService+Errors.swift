internal import PrivacyCore
package import RPC

extension ReceiptRefusal: RPCErrorConvertible {
  package var rpcError: RPCError { RPCError(code, description) }

  private var code: StatusCode {
    switch self {
    case .duplicateID, .requestKeyReused, .otherWebhook: .alreadyExists
    case .unknownReceipt, .unknownNotice, .unknownNoticeVersion, .unknownPurpose,
      .unknownWebhook, .notErased:
      .notFound
    case .erased, .retired, .retiredAmong, .takenBackLater, .notRestricted, .tokenOfOtherEpoch,
      .versionNotNext, .noSignalScopes, .notLogged, .entriesForgotten, .notCosigned:
      .failedPrecondition
    case .tooManyReceipts, .tooManyVersions, .tooManyNotices, .tooManyWebhooks:
      .resourceExhausted
    case .erasureNotAllowed: .permissionDenied
    // The gate or the service may get there: asking again is right.
    case .behindToken: .unavailable
    default: .invalidArgument
    }
  }
}

/// The pid in a request.
func pid(_ bytes: [UInt8]) throws(ReceiptRefusal) -> PseudonymousID {
  guard let pid = PseudonymousID(bytes: bytes) else { throw .malformedPID }
  return pid
}
