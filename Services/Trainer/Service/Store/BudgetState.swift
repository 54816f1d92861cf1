package import DifferentialPrivacy
package import TrainerAPI

/// A budget and where its ledger stands.
package struct BudgetState: Sendable {
  package let record: BudgetRecord
  package let standing: BudgetStanding

  /// What all charges that count come to.
  package var loss: PrivacyLoss {
    PrivacyLoss(
      precisionUnits: standing.precisionUnits, roundingUnits: standing.roundingUnits)
  }

  /// The delta it is stated at.
  package func delta() throws(TrainerError) -> Delta {
    do { return try Delta(record.delta) } catch { throw .badDelta(record.delta) }
  }

  /// The standing with a charge on top, or `nil` where the budget does not suffice.
  func standing(charging loss: PrivacyLoss) throws(TrainerError) -> BudgetStanding? {
    guard let sum = self.loss.adding(loss), sum.epsilon(at: try delta()) <= record.epsilonLimit
    else { return nil }
    var standing = standing
    standing.chargeCount += 1
    standing.precisionUnits = sum.precisionUnits
    standing.roundingUnits = sum.roundingUnits
    return standing
  }

  /// What the charges come to at the budget's delta.
  package func epsilonSpent() throws(TrainerError) -> Double { loss.epsilon(at: try delta()) }

  /// The most that one more release may cost alone. More than the difference between limit and
  /// spent: epsilon grows more slowly than the number of releases.
  package func epsilonAdmissible() throws(TrainerError) -> Double {
    let delta = try delta()
    var low: UInt64 = 0
    var high: UInt64 = 1 << 62
    while high - low > 1 {
      let middle = low + (high - low) / 2
      let part = PrivacyLoss(precisionUnits: middle, roundingUnits: 0)
      let fits = loss.adding(part).map { $0.epsilon(at: delta) <= record.epsilonLimit } ?? false
      if fits { low = middle } else { high = middle }
    }
    return PrivacyLoss(precisionUnits: low, roundingUnits: 0).epsilon(at: delta)
  }

  /// The budget as callers see it.
  package func message() throws(TrainerError) -> Budget {
    let spent = try epsilonSpent()
    return Budget(
      dataset: record.dataset, purpose: record.purpose, epsilonLimit: record.epsilonLimit,
      delta: record.delta, epsilonSpent: spent,
      epsilonLeft: max(0, record.epsilonLimit - spent), chargeCount: standing.chargeCount)
  }
}
