internal import Foundation

/// Why the trainer refuses. Carries names and parameters, never data about people.
package enum TrainerError: Error, Hashable, Sendable {
  /// Not a name: a lower-case letter, then lower-case letters, digits, `_`, `-` or `.`.
  case badName(String)
  /// Epsilon must be above 0 and finite.
  case badEpsilon(Double)
  /// Delta must be above 0 and below 1.
  case badDelta(Double)
  /// So little noise budget that the exact sampler has no noise large enough.
  case epsilonTooSmall
  /// Not "view:feature".
  case badFeature(String)
  /// No view in force has this feature.
  case unknownFeature(String)
  /// The feature is not computed from the data set whose budget would pay.
  case otherDataset(feature: String, dataset: String, actual: String)
  /// No view in force is made from the data set.
  case unknownDataset(String)
  /// The feature is of a type that this cannot be done with.
  case wrongType(feature: String, type: String, wanted: String)
  /// The keys of a histogram are repeated, or there are keys but no feature.
  case badKeys(String)
  /// The time lies before 1970.
  case badTime
  /// The catalogue cannot be used.
  case badCatalogue(String)
  /// Nobody opened this budget.
  case unknownBudget(BudgetKey)
  /// The budget was opened with other numbers.
  case budgetIsFixed(BudgetKey, epsilonLimit: Double, delta: Double)
  /// The hard stop.
  case budgetExceeded(BudgetKey, asked: Double, left: Double, admissible: Double)
  /// The ledger on disk is not what was written.
  case brokenLedger(BudgetKey, entry: UInt64)
  /// A charge that is settled or released already, or was never reserved.
  case notReserved(ChargeID)
  /// A reservation was used for another release than it was made for.
  case wrongReservation
  /// No model has this id or name.
  case unknownModel
  /// The gate holds no lease: nobody's consent is known.
  case consentUnreachable
  /// The feature store sent somebody twice, out of order or without a pid.
  case badTrainingSet
}

extension TrainerError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .badName(let what):
      "\(what): a name is a lower-case letter, then up to 63 of a-z, 0-9, _, - and ."
    case .badEpsilon(let value): "epsilon must be above 0 and finite, not \(value)"
    case .badDelta(let value): "delta must be above 0 and below 1, not \(value)"
    case .epsilonTooSmall: "epsilon is too small: there is no noise large enough for it"
    case .badFeature(let name): "name the feature as view:feature, not \"\(name)\""
    case .unknownFeature(let name): "the feature store knows no feature \(name)"
    case .otherDataset(let feature, let dataset, let actual):
      "\(feature) is made from \(actual): it cannot be paid from a budget of \(dataset)"
    case .unknownDataset(let name): "no view of the feature store is made from \(name)"
    case .wrongType(let feature, let type, let wanted):
      "\(feature) is of type \(type), not \(wanted)"
    case .badKeys(let why): why
    case .badTime: "the time lies before 1970"
    case .badCatalogue(let why): why
    case .unknownBudget(let key):
      "there is no budget for data set \(key.dataset) and purpose \(key.purpose); open one with "
        + "`tacit-trainer budget create`"
    case .budgetIsFixed(let key, let limit, let delta):
      "the budget of \(key) is fixed at epsilon \(limit), delta \(delta)"
    case .budgetExceeded(let key, let asked, let left, let admissible):
      "the budget of \(key) does not suffice for epsilon \(Self.short(asked)): "
        + "\(Self.short(left)) is left, one more release may cost \(Self.short(admissible)) at most"
    case .brokenLedger(let key, let entry):
      "the ledger of \(key) is broken at entry \(entry): it was changed outside this program"
    case .notReserved(let charge): "charge \(charge.number) of \(charge.budget) is not reserved"
    case .wrongReservation: "the reservation is for another release"
    case .unknownModel: "there is no such model"
    case .consentUnreachable:
      "the consent service cannot be reached, so nobody's data may be read"
    case .badTrainingSet: "the feature store sent people out of order or without a pid"
    }
  }

  /// Rounded down, so that what is shown is there.
  private static func short(_ value: Double) -> String {
    value.isFinite ? String(format: "%.6g", (value * 1e6).rounded(.down) / 1e6) : "\(value)"
  }
}
