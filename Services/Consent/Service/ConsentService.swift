package import AuditLog
internal import ConsentAPI
package import Logging
package import PrivacyCore
internal import RPC
internal import Renaming
package import SealedStore
package import ServiceKit
package import VaultAPI

/// The consent service: the ledger of receipts, and the barrier behind every withdrawal.
package struct ConsentService: ConsentServing, TacitService {
  package static var tables: [any StoreTableDescribing] { ConsentTables.all }

  let configuration: ConsentConfiguration
  let register: CatalogRegister
  package let ledger: ConsentLedger
  let roster: GateRoster
  let desk: ErasureDesk
  let tokens: ConsentTokens
  let secrets: ConsentSecrets
  let sender: WebhookSender
  let vault: any SubjectVault
  /// Where renamings come from and are told of; `nil` where there are none.
  let rotation: RotationClient?
  let confirmedRenamings = ConfirmedRenamings()
  let time: any TimeSource
  let log: Logger

  /// The service on what every service stands on; the vault is asked over the network.
  package init(
    runtime: ServiceRuntime, configuration: ConsentConfiguration = ConsentConfiguration()
  ) async throws {
    let vault = try runtime.client(of: .vault)
    try await self.init(
      store: runtime.store, audit: runtime.audit, vault: RemoteVault(VaultClient(vault)),
      rotation: RotationClient(vault),
      configuration: configuration, secrets: ConsentSecrets(runtime.keys), time: runtime.time,
      random: runtime.random, log: runtime.log)
  }

  /// The service of its parts.
  ///
  /// - Parameters:
  ///   - vault: destroys the keys of people who are erased.
  ///   - rotation: the vault's word on rotations of pid keys.
  ///   - secrets: by default random ones, so that tokens do not outlive this service.
  /// - Throws: `ConsentSetupError` for a configuration that cannot be; errors of the store.
  package init(
    store: SealedStore, audit: AuditLog, vault: any SubjectVault,
    rotation: RotationClient? = nil, configuration: ConsentConfiguration,
    secrets: ConsentSecrets? = nil, time: any TimeSource,
    random: any RandomSource, log: Logger
  ) async throws {
    if let fault = configuration.fault { throw ConsentSetupError(description: fault) }
    let secrets = secrets ?? ConsentSecrets(seed: random.bytes(count: 32))
    self.configuration = configuration
    self.vault = vault
    self.rotation = rotation
    self.time = time
    self.log = log
    self.secrets = secrets
    register = try CatalogRegister(scopes: configuration.scopes, store: store)
    ledger = try ConsentLedger(
      store: store, audit: audit, register: register, configuration: configuration, time: time,
      random: random)
    roster = GateRoster(
      configuration: configuration,
      earlierLeaseMs: try await ledger.exchangeLease(ms: configuration.leaseMs),
      lastPosition: try ledger.lastPosition(), renaming: try ledger.renamingProgress(),
      time: time)
    desk = ErasureDesk(time: time, retryMs: configuration.erasureRetryMs)
    tokens = try secrets.tokens(epoch: Self.epoch(of: store))
    // Asked for once, so that they are known as keys that hang from the service's.
    for case let webhook? in try ledger.webhooks().map(\.webhook) {
      _ = try secrets.webhookKey(webhook.id)
    }
    sender = WebhookSender(
      ledger: ledger, roster: roster, settings: configuration.webhooks, time: time, log: log,
      key: secrets.webhookSigningKey)
  }

  /// The newest durable position of the consent log.
  package var lastPosition: UInt64 { roster.lastPosition }

  /// The epoch of the log: another one after the store was restored from a backup, because
  /// positions of before may since stand for other receipts.
  private static func epoch(of store: SealedStore) -> UInt64 {
    store.historyID.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Carries out the erasures that a crash or an absent vault left unfinished, and tells the
  /// systems outside.
  package func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await recordLostErasures()
        try await retryErasures()
      }
      group.addTask { try await certifyErasures() }
      group.addTask { try await sender.run() }
      if let rotation {
        let reporter = RekeyReporter(
          vault: rotation, part: ConsentRekeyPart(self), time: time, log: log)
        group.addTask { try await followRenamings(of: rotation) }
        group.addTask { try await reporter.run() }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  }

  package func measures() async -> [(name: String, value: Double)] {
    let gates = roster.counts
    let pending = (try? ledger.pendingErasures().count) ?? 0
    let catalog = register.current.catalog
    let renaming = try? ledger.renamingProgress()
    let names = (try? ledger.formerNameCount()) ?? 0
    return [
      ("receipts", Double(roster.lastPosition)),
      ("gates_attending", Double(gates.attending)),
      ("gates_up_to_date", Double(gates.upToDate)),
      ("erasures_pending", Double(pending)),
      ("erasures_uncertified", Double(desk.openCount)),
      ("notices", Double(catalog.notices.count)),
      ("former_names", Double(names)),
      ("renamings_recorded", Double(renaming?.peopleMoved ?? 0)),
      ("renamings_refused", Double(confirmedRenamings.refusedCount)),
      ("webhooks", Double((try? ledger.webhooks().count) ?? 0)),
    ]
  }
}

/// A configuration that the service cannot start with.
package struct ConsentSetupError: Error, CustomStringConvertible {
  package let description: String
}
