package import ConsentFormats
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
  /// The people whose standing is kept in memory for checks, about 400 bytes each. Of more people
  /// than half of them, who is asked about rarely is read from the store.
  package var cachedPersonCountMax = 250_000
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
  /// How often the vault is asked for people who get another pid, in milliseconds.
  package var renamingPollMs = 500
  /// How many of them are recorded in one transaction: withdrawals wait meanwhile.
  package var renamingBatchCount = 64
  /// The stores that must say what they did for an erasure before it is certified, besides the
  /// vault: names of gates, at most 64.
  package var erasureStores: [String] = []
  /// How long an erasure's answer waits for its certificate, in milliseconds.
  package var certificateWaitMs = 2_000
  /// How many people of a mass erasure share a barrier and the transactions around it: few, since
  /// whatever else the services do waits behind the work of one batch.
  package var erasureBatchCount = 6
  /// How many people a second a mass erasure takes at most: what it costs readers beside it,
  /// `make bench-vault` measures.
  package var erasuresPerSecondMax = 350
  /// What exports say of the controller that receipts do not: how it is reached, where data lies,
  /// where rights are exercised.
  package var issuer = IssuerProfile()
  /// The controller that exports name where a receipt names none.
  package var controller = ""
  /// The jurisdiction that exports name where a receipt names none.
  package var jurisdiction = ""
  /// The scopes that a browser's `Sec-GPC: 1` takes back; `nil`: those of the configured ones whose
  /// names speak of advertising, selling or sharing.
  package var gpcScopes: [Scope]?
  /// What TC strings allow and refuse; none: TC strings are refused.
  package var tcfScopes: [TCFScope] = []
  /// How long what a TC string allows counts, in days from when it was written, 1 to 395: the
  /// framework's policies have people asked again after 13 months.
  package var tcfDays = 395
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
    if !(0...10_000_000).contains(cachedPersonCountMax) {
      return "0 to 10,000,000 people can be kept in memory, not \(cachedPersonCountMax)"
    }
    if !(1...100_000).contains(erasuresPerSecondMax) {
      return "1 to 100,000 people a second can be erased at most, not \(erasuresPerSecondMax)"
    }
    if !(1...256).contains(erasureBatchCount) {
      return "1 to 256 people share the transactions of a mass erasure, not \(erasureBatchCount)"
    }
    if let name = erasureStores.first(where: { !NameRule.accepts($0) }) {
      return "the store \(name) has a malformed name"
    }
    if Set(erasureStores).count != erasureStores.count || erasureStores.contains("vault")
      || erasureStores.count > 64
    {
      return "up to 64 stores can be waited for, each once and without the vault"
    }
    if let gpcScopes, let stranger = gpcScopes.first(where: { !scopes.contains($0) }) {
      return "Sec-GPC is to take back \(stranger), which is not one of the scopes"
    }
    if let meaning = tcfScopes.first(where: { !scopes.contains($0.scope) }) {
      return "TC strings are to decide on \(meaning.scope), which is not one of the scopes"
    }
    if Set(tcfScopes.map(\.scope)).count != tcfScopes.count {
      return "a scope is given TCF purposes twice"
    }
    if !(1...395).contains(tcfDays) {
      return "what a TC string allows can count for 1 to 395 days, not \(tcfDays)"
    }
    return nil
  }

  /// What `Sec-GPC: 1` takes back.
  package var globalPrivacyControl: GlobalPrivacyControl {
    gpcScopes.map { GlobalPrivacyControl(withdrawing: $0) }
      ?? GlobalPrivacyControl(amongKnown: scopes)
  }
}
