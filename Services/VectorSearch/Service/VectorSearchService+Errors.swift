package import RPC

extension VectorSearchError: RPCErrorConvertible {
  package var rpcError: RPCError {
    guard case .rateLimited(let retryAfterMs) = self else { return RPCError(code, description) }
    return RPCError(
      code, description, details: [StatusDetail("retry-after-ms", "\(retryAfterMs)")])
  }

  private var code: StatusCode {
    switch self {
    case .badName, .badCollection, .badResultCount, .badQuery, .badNoise, .badPID, .badTime,
      .badFeature:
      .invalidArgument
    case .unknownCollection: .notFound
    case .otherCollection: .alreadyExists
    case .tooManyCollections, .tooManyVectors, .rateLimited: .resourceExhausted
    case .notForThis, .badModel: .failedPrecondition
    case .loading, .consentUnreachable: .unavailable
    case .changedMeanwhile: .aborted
    }
  }
}
