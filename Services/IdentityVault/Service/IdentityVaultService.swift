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
    VaultTables.all + CaseTables.all + CallerTables.all
  }

  let configuration: IdentityVaultConfiguration
  let registry: PersonRegistry
  let domains: [String: PseudonymDomain]
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
    registry = PersonRegistry(
      store: store, audit: audit, keys: keeper,
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
    var domains: [String: PseudonymDomain] = [:]
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
      domains[name] = try Self.domain(
        name, keyVersion: settled.keyVersion, keys: keys, configuration: configuration)
    }
    self.domains = domains
    try Self.askForKeys(
      ofOtherDomainsThan: Set(domains.keys), in: store, keys: keys, tenant: configuration.tenant)
  }

  /// Asks for the keys of domains that this start leaves out, so that they are known as keys that hang
  /// from the service's: the domains may come back.
  private static func askForKeys(
    ofOtherDomainsThan known: Set<String>, in store: SealedStore, keys: ServiceKeys, tenant: String
  ) throws {
    let rows = try store.read { try $0.rows(VaultTables.domains) }
    for row in rows where row.key.first == tenant && !known.contains(row.key.second) {
      let record = row.value.message
      let email = CanonicalProfile(rawValue: record.emailProfile)
      for profile in [email, .phoneE164V1, .customerNumberV1].compactMap({ $0 }) {
        if record.oblivious {
          _ = try keys.secret(
            purpose: profile.obliviousKeyPurpose, tenant: tenant, domain: row.key.second,
            version: record.keyVersion)
        } else {
          _ = try keys.hmacKey(
            purpose: profile.keyPurpose, tenant: tenant, domain: row.key.second,
            version: record.keyVersion)
        }
      }
    }
  }

  private static func domain(
    _ name: String, keyVersion: UInt32, keys: ServiceKeys,
    configuration: IdentityVaultConfiguration
  ) throws -> PseudonymDomain {
    guard configuration.obliviousDomains.contains(name) else {
      return try PseudonymDomain(
        name: name, emailProfile: configuration.emailProfile, keyVersion: keyVersion
      ) { profile in
        try keys.hmacKey(
          purpose: profile.keyPurpose, tenant: configuration.tenant, domain: name,
          version: keyVersion)
      }
    }
    return try PseudonymDomain(
      name: name, emailProfile: configuration.emailProfile, keyVersion: keyVersion
    ) { profile -> ObliviousKey in
      try ObliviousKey(
        seed: keys.secret(
          purpose: profile.obliviousKeyPurpose, tenant: configuration.tenant, domain: name,
          version: keyVersion),
        info: Array(profile.rawValue.utf8))
    }
  }

  package func register(on router: inout Router) {
    (self as any VaultServing).register(on: &router)
    reidentification.register(on: &router)
    linking.register(on: &router)
  }

  package func measures() async -> [(name: String, value: Double)] {
    guard let counts = try? registry.counts(), let cases = try? reidentification.book.measures()
    else { return [] }
    let tree = registry.keys.figures
    return [
      ("people", Double(counts.people)), ("aliases", Double(counts.aliases)),
      ("forgotten", Double(counts.forgotten)), ("domains", Double(domains.count)),
      ("reidentification_cases_pending", Double(cases.pending)),
      ("reidentification_frozen", cases.isFrozen ? 1 : 0),
      ("subject_key_epoch", Double(tree.epoch)),
      ("subject_key_cover_nodes", Double(tree.nodeCount)),
      ("subject_key_cover_bytes", Double(tree.coverByteCount)),
      ("subject_key_slots", Double(tree.slotCount)),
    ] + callers.measures()
  }

  /// What joins and parts people.
  package var linking: LinkingService {
    LinkingService(
      registry: registry, rules: rules,
      domain: { name throws(VaultRefusal) in try domain(name) })
  }

  /// The domain that a request names; the first one where it names none.
  func domain(_ name: String) throws(VaultRefusal) -> PseudonymDomain {
    let name = name.isEmpty ? configuration.domains[0] : name
    guard let domain = domains[name] else { throw .unknownDomain }
    return domain
  }
}

/// A configuration that the service cannot start with.
package struct VaultSetupError: Error, CustomStringConvertible {
  package let description: String
}
