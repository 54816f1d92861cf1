/// The settings of the trainer.
package struct TrainerConfiguration: Sendable {
  /// The most charges in one answer of the ledger, 1 to 10,000.
  package var ledgerPageCountMax = 1_000
  /// How many items of a model go into one message, 1 to 1,000: a vector has 2 KiB.
  package var itemsPerChunk = 200
  /// The share of a training run's privacy that pays for the noisy number of people in the model's
  /// lineage, above 0 and at most 0.5. A fiftieth raises the noise of the model itself by 1 %.
  package var peopleShare = 0.02

  /// The defaults.
  package init() {}

  /// What is wrong with it, or `nil`.
  package var fault: String? {
    if !(1...10_000).contains(ledgerPageCountMax) {
      return "a page of the ledger has 1 to 10,000 charges, not \(ledgerPageCountMax)"
    }
    if !(1...1_000).contains(itemsPerChunk) {
      return "a message has 1 to 1,000 items of a model, not \(itemsPerChunk)"
    }
    if !(peopleShare > 0 && peopleShare <= 0.5) {
      return "the share for the number of people lies above 0 and at most at 0.5"
    }
    return nil
  }
}

/// A configuration that the service cannot start with.
package struct TrainerSetupError: Error, CustomStringConvertible {
  package let description: String
}
