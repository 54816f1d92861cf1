package import AuditLog
internal import ConsentAPI
package import Logging
package import PrivacyCore
internal import RPC
package import SealedStore
package import ServiceKit
internal import VaultAPI

/// The consent service: the ledger of receipts, and the barrier behind every withdrawal.
package struct ConsentService: ConsentServing, TacitService {
  package static var tables: [any StoreTableDescribing] { ConsentTables.all }

  let configuration: ConsentConfiguration
  let rules: ReceiptRules
  let ledger: ConsentLedger
  let roster: GateRoster
  let vault: any SubjectVault
  let time: any TimeSource
  let log: Logger

  /// The service on what every service stands on; the vault is asked over the network.
  package init(
    runtime: ServiceRuntime, configuration: ConsentConfiguration = ConsentConfiguration()
  ) async throws {
    try await self.init(
      store: runtime.store, audit: runtime.audit,
      vault: RemoteVault(VaultClient(try runtime.client(of: .vault))),
      configuration: configuration, time: runtime.time, random: runtime.random, log: runtime.log)
  }

  /// The service of its parts.
  ///
  /// - Parameter vault: destroys the keys of people who are erased.
  /// - Throws: `ConsentSetupError` for a configuration that cannot be; errors of the store.
  package init(
    store: SealedStore, audit: AuditLog, vault: any SubjectVault,
    configuration: ConsentConfiguration, time: any TimeSource, random: any RandomSource,
    log: Logger
  ) async throws {
    if let fault = configuration.fault { throw ConsentSetupError(description: fault) }
    self.configuration = configuration
    self.vault = vault
    self.time = time
    self.log = log
    rules = ReceiptRules(scopes: configuration.scopes)
    ledger = ConsentLedger(
      store: store, audit: audit, rules: rules,
      receiptCountPerPersonMax: configuration.receiptCountPerPersonMax, time: time,
      random: random)
    roster = GateRoster(
      configuration: configuration,
      earlierLeaseMs: try await ledger.exchangeLease(ms: configuration.leaseMs),
      lastPosition: try ledger.lastPosition(), time: time)
  }

  /// The newest durable position of the consent log.
  package var lastPosition: UInt64 { roster.lastPosition }

  /// Carries out the erasures that a crash or an absent vault left unfinished.
  package func run() async throws { try await retryErasures() }

  package func measures() async -> [(name: String, value: Double)] {
    let gates = roster.counts
    let pending = (try? ledger.pendingErasures().count) ?? 0
    return [
      ("receipts", Double(roster.lastPosition)),
      ("gates_attending", Double(gates.attending)),
      ("gates_up_to_date", Double(gates.upToDate)),
      ("erasures_pending", Double(pending)),
    ]
  }
}

/// A configuration that the service cannot start with.
package struct ConsentSetupError: Error, CustomStringConvertible {
  package let description: String
}
