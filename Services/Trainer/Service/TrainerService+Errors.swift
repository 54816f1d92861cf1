package import RPC

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
