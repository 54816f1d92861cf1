internal import AuditLog
internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import TransparencyLog

/// Stores and logs for the tests.
enum LogFixture {
  static let time = ManualTime()

  static func signer(
    _ name: String = "tacit/test", _ kind: NoteKey.Kind = .note, seed: UInt8 = 1
  ) throws -> NoteSigner {
    try NoteSigner(
      name: name, kind: kind,
      key: SigningKey(seed: SecretBytes(copying: [UInt8](repeating: seed, count: 32))))
  }

  static func openStore(
    at directory: URL, tables: [any StoreTableDescribing] = AuditLog.tables
  ) throws -> SealedStore {
    let random = SeededRandom(seed: 1)
    let key = try SealingKey(
      id: KeyID(rawValue: 1), secret: SecretBytes(random: random, count: 32))
    return try SealedStore.open(
      at: directory, keys: SealingKeyRing(current: key), tables: tables,
      configuration: StoreConfiguration(serviceName: "test"))
  }

  static func subjectKey(_ seed: UInt64) throws -> SealingKey {
    try SealingKey(
      id: .subject, secret: SecretBytes(random: SeededRandom(seed: seed), count: 32))
  }

  static func log(
    _ store: SealedStore, time: any TimeSource = LogFixture.time, isSigning: Bool = true,
    configuration: AuditLogConfiguration = AuditLogConfiguration()
  ) throws -> AuditLog {
    AuditLog(
      store: store, time: time, signer: isSigning ? try signer() : nil,
      configuration: configuration)
  }

  /// Runs `body` with a signing log in a store of its own.
  static func withLog(
    configuration: AuditLogConfiguration = AuditLogConfiguration(),
    _ body: (AuditLog, SealedStore) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      let store = try openStore(at: directory)
      defer { store.close() }
      try await body(log(store, configuration: configuration), store)
    }
  }

  static func entry(_ action: String, _ details: [(name: String, value: String)] = [])
    -> AuditEntry
  {
    AuditEntry(principal: "spiffe://tacit/user/admin/dev", action: action, details: details)
  }
}
