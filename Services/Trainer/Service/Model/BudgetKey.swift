internal import PrivacyCore

/// Which budget: that of a data set and a purpose.
package struct BudgetKey: Hashable, Sendable, CustomStringConvertible {
  /// The data set: an event source, or a view of written rows.
  package let dataset: String
  /// The purpose.
  package let purpose: String

  /// Refuses what is no name.
  package init(dataset: String, purpose: String) throws(TrainerError) {
    guard NameRule.accepts(dataset) else { throw .badName("data set") }
    guard NameRule.accepts(purpose) else { throw .badName("purpose") }
    self.dataset = dataset
    self.purpose = purpose
  }

  package var description: String { "\(dataset)/\(purpose)" }
}

/// One charge of a ledger.
package struct ChargeID: Hashable, Sendable {
  /// The budget.
  package let budget: BudgetKey
  /// The number of the ledger entry that reserved it.
  package let number: UInt64
}

/// The right to draw the noise of one plan: part of a budget that is durably counted as spent.
///
/// Only the ledger makes one. A release consumes it; `PrivacyLedger.release` takes it back, which
/// proves that nothing was drawn. One that is dropped stays counted.
package struct BudgetReservation: ~Copyable, Sendable {
  /// The charge in the ledger.
  package let charge: ChargeID
  /// What may be released.
  package let plan: ReleasePlan

  init(charge: ChargeID, plan: ReleasePlan) {
    self.charge = charge
    self.plan = plan
  }
}
