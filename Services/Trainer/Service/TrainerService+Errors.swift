package import RPC
internal import SealedStore

extension TrainerError: RPCErrorConvertible {
  package var rpcError: RPCError {
    guard case .budgetExceeded(_, let asked, let left, let admissible) = self else {
      return RPCError(code, description)
    }
    return RPCError(
      code, description,
      details: [
        StatusDetail("epsilon-asked", "\(asked)"), StatusDetail("epsilon-left", "\(left)"),
        StatusDetail("epsilon-admissible", "\(admissible)"),
      ])
  }

  private var code: StatusCode {
    switch self {
    case .unknownBudget, .unknownModel, .unknownFeature, .unknownDataset: .notFound
    case .budgetIsFixed: .alreadyExists
    case .budgetExceeded: .resourceExhausted
    case .consentUnreachable: .unavailable
    case .brokenLedger: .dataLoss
    case .notReserved, .wrongReservation, .badTrainingSet: .internalError
    case .badName, .badEpsilon, .badDelta, .epsilonTooSmall, .badFeature, .otherDataset, .wrongType,
      .badKeys, .badTime, .badCatalogue:
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
    default: throw error
    }
  }
}
