internal import AuditAPI
internal import AuditLog
internal import Cryptography
internal import Dispatch
internal import Foundation
internal import IdentityVaultService
internal import KeyManagement
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import TestSupport
internal import TransparencyLog
internal import Transport
internal import VaultAPI
internal import WireFormat

/// A vault on a real store in a directory; on the same directory it is a restart.
final class VaultFixture: Sendable {
  let time = ManualTime()
  let store: SealedStore
  let audit: AuditLog
  let vault: IdentityVaultService

  /// The key management service of all fixtures.
  static func kms() throws -> FileKeyManagementService {
    try FileKeyManagementService(rootKey: SecretBytes(copying: [UInt8](repeating: 9, count: 32)))
  }

  private init(
    _ directory: URL, configuration: IdentityVaultConfiguration, disk: MemoryDisk?,
    kms: any KeyManagementService, isSigning: Bool,
    interrupt: @escaping @Sendable (DestructionStep) throws -> Void
  ) async throws {
    let keys = try await ServiceKeys.open(service: "vault", directory: directory, kms: kms)
    let tables = IdentityVaultService.tables + AuditLog.tables
    let settings = StoreConfiguration(serviceName: "vault")
    let ring = try keys.sealingKeys(purpose: "at-rest")
    store =
      if let disk {
        try SealedStore.inMemory(on: disk, keys: ring, tables: tables, configuration: settings) {
          DispatchQueue.global().async(execute: $0)
        }
      } else {
        try SealedStore.open(at: directory, keys: ring, tables: tables, configuration: settings)
      }
    let signer = try NoteSigner(
      name: "tacit/vault/test", kind: .note,
      key: SigningKey(seed: SecretBytes(copying: [UInt8](repeating: 5, count: 32))))
    audit = AuditLog(store: store, time: time, signer: isSigning ? signer : nil)
    do {
      vault = try await IdentityVaultService(
        store: store, audit: audit, keys: keys, configuration: configuration, time: time,
        random: SystemRandom(), interrupt: interrupt)
    } catch {
      store.close()
      throw error
    }
  }

  /// Runs `body` with a vault on the store in `directory`, or on a disk whose commits can fail, and
  /// closes it afterwards. `interrupt` may cut destructions of keys off.
  ///
  /// - Parameter isSigning: whether the log has a key to sign with.
  static func run(
    in directory: URL, configuration: IdentityVaultConfiguration = IdentityVaultConfiguration(),
    disk: MemoryDisk? = nil, isSigning: Bool = false, kms: (any KeyManagementService)? = nil,
    interrupt: @escaping @Sendable (DestructionStep) throws -> Void = { _ in },
    _ body: (VaultFixture) async throws -> Void
  ) async throws {
    let fixture = try await VaultFixture(
      directory, configuration: configuration, disk: disk, kms: kms ?? Self.kms(),
      isSigning: isSigning, interrupt: interrupt)
    defer { fixture.store.close() }
    try await body(fixture)
  }

  /// The same on a fresh store.
  static func run(
    configuration: IdentityVaultConfiguration = IdentityVaultConfiguration(),
    isSigning: Bool = false, _ body: (VaultFixture) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory async throws in
      try await run(
        in: directory, configuration: configuration, isSigning: isSigning, body)
    }
  }

  // MARK: Calls

  func context(_ method: MethodDescriptor, of peer: PeerIdentity = .local) -> CallContext {
    CallContext(peer: peer, method: method, time: time)
  }

  func pseudonymize(
    _ identifiers: [Identifier], domain: String = "", create: Bool = true
  ) async throws -> [Pseudonym] {
    try await vault.pseudonymize(
      PseudonymizeRequest(domain: domain, identifiers: identifiers, create: create),
      context: context(VaultMethods.pseudonymize)
    ).pseudonyms
  }

  /// The pid of one identifier, recorded unless told otherwise.
  func pid(
    _ identifier: Identifier, domain: String = "", create: Bool = true
  ) async throws -> [UInt8] {
    try await pseudonymize([identifier], domain: domain, create: create).map(\.pid).first ?? []
  }

  @discardableResult
  func link(
    _ primary: Identifier?, _ alias: Identifier?, provenance: String = "crm:merge"
  ) async throws -> LinkReply {
    try await vault.link(
      LinkRequest(primary: primary, alias: alias, provenance: provenance),
      context: context(VaultMethods.link))
  }

  func show(_ pid: [UInt8]) async throws -> ShowReply {
    try await vault.show(ShowRequest(pid: pid), context: context(VaultMethods.show))
  }

  @discardableResult
  func forget(_ pid: [UInt8]) async throws -> ForgetReply {
    try await vault.forget(
      ForgetRequest(pid: pid, erasureSequence: 7), context: context(VaultMethods.forget))
  }

  func subjectKeys(_ pids: [[UInt8]], of peer: PeerIdentity = .local) async throws -> [SubjectKey] {
    try await vault.subjectKeys(
      SubjectKeysRequest(pids: pids), context: context(VaultMethods.subjectKeys, of: peer)
    ).keys
  }

  /// What the audit log says was done, oldest first.
  func auditedActions() throws -> [String] { try audit.records(limit: 1_000).map(\.action) }

  func measure(_ name: String) async -> Double? {
    await vault.measures().first { $0.name == name }?.value
  }
}

func email(_ value: String) -> Identifier { Identifier(kind: .email, value: value) }

func phone(_ value: String, region: String = "") -> Identifier {
  Identifier(kind: .phone, value: value, qualifier: region)
}
