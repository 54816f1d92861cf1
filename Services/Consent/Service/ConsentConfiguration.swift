package import PrivacyCore

/// The settings of the consent service.
package struct ConsentConfiguration: Sendable {
  /// The scopes people can be asked for, 1 to 64 names. A receipt that names another is refused.
  package var scopes: [Scope] = ["product_recs", "analytics", "personalization_geo", "marketing"]
    .compactMap { Scope($0) }
  /// How long a gate may serve without hearing from this service, in milliseconds, 20 to 5,000.
  package var leaseMs = 250
  /// What is added to a lease here because two clocks need not run alike, in milliseconds.
  package var driftGuardMs = 25
  /// How long a barrier waits before it sends an unconfirmed change again, in milliseconds; it
  /// doubles each time. TCP's own retransmission may take 200.
  package var nudgeMs = 5
  /// How long a grant waits for the gates to know it, in milliseconds. Only a courtesy: the caller
  /// may write with the receipt at once; nothing depends on it.
  package var grantSettleMs = 20
  /// The same at the end of an import.
  package var importSettleMs = 1_000
  /// The most receipts in one message of the feed or of an export.
  package var feedBatchCount = 2_000
  /// The most receipts a person can have before further grants are refused.
  package var receiptCountPerPersonMax = 1_000
  /// How many answers to requests with an idempotency key are kept, and for how many hours.
  package var requestCountMax = 1_000_000
  package var requestHours = 24
  /// How many people of a bulk withdrawal share a transaction and a barrier.
  package var withdrawalBatchCount = 2_500
  /// How long a read waits for a consistency token where its caller has no deadline, in
  /// milliseconds.
  package var tokenWaitMs = 1_000
  /// How often an erasure that the vault has not carried out is tried again, in milliseconds.
  package var erasureRetryMs = 1_000
  /// How changes are made known to systems outside.
  package var webhooks = WebhookSettings()

  /// The defaults.
  package init() {}

  /// What is wrong with it, or `nil`.
  package var fault: String? {
    if scopes.isEmpty || scopes.count > ReceiptRules.scopeCountMax {
      return "1 to \(ReceiptRules.scopeCountMax) scopes can be configured, not \(scopes.count)"
    }
    if Set(scopes).count != scopes.count { return "a scope is configured twice" }
    if !(20...5_000).contains(leaseMs) {
      return "the lease must last 20 to 5,000 milliseconds, not \(leaseMs)"
    }
    return nil
  }
}
