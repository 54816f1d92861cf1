package import AuditLog
internal import Cryptography
internal import Foundation
package import KeyManagement
package import Logging
package import PrivacyCore
package import RPC
package import SealedStore
package import ServiceKit
internal import StoredMessages
internal import VaultAPI

/// The identity vault: the only place where identifiers and pseudonyms meet.
package struct IdentityVaultService: VaultServing, TacitService {
  package static var tables: [any StoreTableDescribing] {
    VaultTables.all + RotationTables.all + CaseTables.all + CallerTables.all
  }

  let configuration: IdentityVaultConfiguration
  let registry: PersonRegistry
  let keyring: PidKeyring
  /// Gives people other pids, when the keys of pids are replaced.
  package let rotation: PidRotation
  let callers: CallerGuard
  let rules = LinkRules()
  /// The way back to identifiers.
  package let reidentification: ReidentificationService

  /// The service on what every service stands on.
  package init(
    runtime: ServiceRuntime,
    configuration: IdentityVaultConfiguration = IdentityVaultConfiguration()
  ) async throws {
    try await self.init(
      store: runtime.store, audit: runtime.audit, keys: runtime.keys, configuration: configuration,
      time: runtime.time, random: runtime.random, log: runtime.log)
  }

  /// The service of its parts. Whoever was erased after the store's backup was made is forgotten
  /// again before this returns.
  ///
  /// - Parameter interrupt: called at each step of a destruction of keys; what it throws cuts it
  ///   off.
  /// - Throws: `VaultSetupError` for a configuration that cannot be, or that would give people who
  ///   are known other pids; `CoverFileError`; errors of the store and of the keys.
  package init(
    store: SealedStore, audit: AuditLog, keys: ServiceKeys,
    configuration: IdentityVaultConfiguration, time: any TimeSource, random: any RandomSource,
    log: Logger = Logger(label: "tacit-vault", factory: { _ in SwiftLogNoOpLogHandler() }),
    interrupt: @escaping @Sendable (DestructionStep) throws -> Void = { _ in }
  ) async throws {
    if let fault = configuration.fault { throw VaultSetupError(description: fault) }
    self.configuration = configuration
    callers = CallerGuard(
      store: store, audit: audit, time: time, single: configuration.singleLimits,
      batch: configuration.batchLimits, partner: configuration.partnerLimits)
    let keeper = try await SubjectKeyKeeper.open(
      store: store, keys: keys,
      url: configuration.subjectKeyFile
        ?? keys.directory.appending(path: CoverFile.fileName),
      random: random, log: log, interrupt: interrupt)
    reidentification = try ReidentificationService(
      store: store, audit: audit, keys: keeper, configuration: configuration.reidentification,
      callers: callers, time: time, random: random)
    keyring = PidKeyring(tenant: configuration.tenant, service: keys)
    registry = PersonRegistry(
      store: store, audit: audit, keys: keeper, keyring: keyring,
      known: KnownPeople(personCountMax: configuration.cachedPersonCountMax),
      identifiersPerPersonMax: configuration.identifiersPerPersonMax, time: time, random: random)
    try await registry.forgetLost(log: log)
    try await keeper.follow()
    try await registry.moveIntoTree(keys.sealingKeys(purpose: "subject-keys"), log: log)
    guard try !registry.belongsToAnother(than: configuration.tenant) else {
      throw VaultSetupError(
        description: """
          the pids in this store were made for another tenant; with this one everybody known \
          would get another one
          """)
    }
    for name in configuration.domains + configuration.obliviousDomains {
      let isOblivious = configuration.obliviousDomains.contains(name)
      let settled = try await registry.settle(
        name, of: configuration.tenant,
        as: DomainRecord(
          emailProfile: configuration.emailProfile.rawValue,
          keyVersion: keys.derivationVersion, oblivious: isOblivious))
      guard settled.emailProfile == configuration.emailProfile.rawValue else {
        throw VaultSetupError(
          description: """
            the pids of domain \(name) are made with \(settled.emailProfile); with \
            \(configuration.emailProfile.rawValue) everybody known would get another one
            """)
      }
      guard settled.oblivious == isOblivious else {
        throw VaultSetupError(
          description: """
            domain \(name) began as \(settled.oblivious ? "an oblivious one" : "a plain one"); as \
            another sort everybody known would get another pid
            """)
      }
      keyring.set(try keyring.keys(of: name, settled), of: name)
    }
    try Self.askForKeys(in: store, of: keyring)
    rotation = try PidRotation(
      registry: registry, firstDomain: configuration.domains[0], log: log)
  }

  /// Asks for the keys of domains that this start leaves out, so that they are known as keys that hang
  /// from the service's: the domains may come back.
  private static func askForKeys(in store: SealedStore, of keyring: PidKeyring) throws {
    let rows = try store.read { try $0.rows(VaultTables.domains) }
    for row in rows where row.key.first == keyring.tenant && keyring[row.key.second] == nil {
      _ = try keyring.keys(of: row.key.second, row.value.message)
    }
  }

  /// Works on the rotation of pid keys, where one is under way, until the task is cancelled.
  package func run() async throws { try await rotation.run() }

  package func register(on router: inout Router) {
    (self as any VaultServing).register(on: &router)
    reidentification.register(on: &router)
    linking.register(on: &router)
    (rotation as any RotationServing).register(on: &router)
  }

  package func measures() async -> [(name: String, value: Double)] {
    guard let counts = try? registry.counts(), let cases = try? reidentification.book.measures()
    else { return [] }
    let tree = registry.keys.figures
    return [
      ("people", Double(counts.people)), ("aliases", Double(counts.aliases)),
      ("forgotten", Double(counts.forgotten)), ("domains", Double(keyring.domains.count)),
      ("reidentification_cases_pending", Double(cases.pending)),
      ("reidentification_frozen", cases.isFrozen ? 1 : 0),
      ("subject_key_epoch", Double(tree.epoch)),
      ("subject_key_cover_nodes", Double(tree.nodeCount)),
      ("subject_key_cover_bytes", Double(tree.coverByteCount)),
      ("subject_key_slots", Double(tree.slotCount)),
    ] + rotation.measures() + callers.measures()
  }

  /// What joins and parts people.
  package var linking: LinkingService {
    LinkingService(
      registry: registry, rules: rules, rotation: rotation,
      keys: { name throws(VaultRefusal) in try keys(of: name) })
  }

  /// The keys of the domain that a request names; of the first one where it names none.
  func keys(of name: String) throws(VaultRefusal) -> PidKeyring.Keys {
    guard let keys = keyring[name.isEmpty ? configuration.domains[0] : name] else {
      throw .unknownDomain
    }
    return keys
  }
}

/// A configuration that the service cannot start with.
package struct VaultSetupError: Error, CustomStringConvertible {
  package let description: String
}
