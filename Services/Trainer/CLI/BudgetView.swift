internal import Foundation
internal import ServiceKit
internal import TrainerAPI

/// A budget as commands show it.
struct BudgetView: Encodable {
  let dataset: String
  let purpose: String
  let epsilonLimit: Double
  let epsilonSpent: Double
  let epsilonLeft: Double
  let delta: Double
  let chargeCount: UInt64

  enum CodingKeys: String, CodingKey {
    case dataset, purpose
    case epsilonLimit = "epsilon_limit"
    case epsilonSpent = "epsilon_spent"
    case epsilonLeft = "epsilon_left"
    case delta
    case chargeCount = "charge_count"
  }

  init(_ budget: Budget) {
    dataset = budget.dataset
    purpose = budget.purpose
    epsilonLimit = budget.epsilonLimit
    epsilonSpent = budget.epsilonSpent
    epsilonLeft = budget.epsilonLeft
    delta = budget.delta
    chargeCount = budget.chargeCount
  }

  /// All of it, a line for each field.
  func show(json: Bool) throws {
    if json { return try printJSON(self) }
    var table = Table("field", "value")
    table.add("data set", dataset)
    table.add("purpose", purpose)
    table.add("limit", "epsilon \(Figures.short(epsilonLimit)) at delta \(Figures.short(delta))")
    table.add("spent", Figures.spent(epsilonSpent))
    table.add("left", Figures.left(epsilonLeft))
    table.add("charges", "\(chargeCount)")
    table.show()
  }

  /// What is left of it, in a sentence.
  var sentence: String {
    "\(Figures.spent(epsilonSpent)) of \(Figures.short(epsilonLimit)) spent, "
      + "\(Figures.left(epsilonLeft)) left, at delta \(Figures.short(delta))"
  }
}

/// How commands write epsilon and what goes with it.
enum Figures {
  /// What was spent, rounded up: what is shown is never less than what it cost.
  static func spent(_ epsilon: Double) -> String { short((epsilon * 1e4).rounded(.up) / 1e4) }

  /// What is left, rounded down: what is shown is there.
  static func left(_ epsilon: Double) -> String { short((epsilon * 1e4).rounded(.down) / 1e4) }

  /// A number with as many digits as it needs, up to six.
  static func short(_ number: Double) -> String { String(format: "%.6g", number) }
}
