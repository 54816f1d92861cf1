internal import DifferentialPrivacy
internal import Foundation
internal import PrivacyCore

/// What queries and training runs have in common: how their requests are read.
extension TrainerService {
  func requestedScope(_ name: String) throws(TrainerError) -> Scope {
    guard let scope = Scope(name) else { throw .badName("scope") }
    return scope
  }

  /// The time asked for; now where none is.
  func requestedTime(_ microseconds: Int64) throws(TrainerError) -> Timestamp {
    guard microseconds >= 0 else { throw .badTime }
    return microseconds == 0 ? time.now : Timestamp(microseconds: microseconds)
  }

  /// The noise that `epsilon` buys at the delta of the budget.
  func plan(
    spending epsilon: Double, from key: BudgetKey, on parts: [ReleasePlan.Part]
  ) throws -> ReleasePlan {
    guard let asked = try? Epsilon(epsilon) else { throw TrainerError.badEpsilon(epsilon) }
    let delta = try ledger.state(of: key).delta()
    return try ReleasePlan(spending: PrivacyParameters(epsilon: asked, delta: delta), on: parts)
  }
}

extension ReleasePlan {
  /// The mechanisms in words, for the ledger and for a model's lineage.
  var text: String { releases.map(\.text).joined(separator: "; ") }
}

extension GaussianRelease {
  /// The mechanism in words: sigma in units of what one person can add.
  var text: String {
    let totals = dimension == 1 ? "1 total" : "\(dimension) totals"
    return "discrete-gaussian sigma=\(String(format: "%.6g", multiplier)) sensitivity=1, \(totals)"
      + " on a lattice of 1/\(latticeNorm)"
  }
}
