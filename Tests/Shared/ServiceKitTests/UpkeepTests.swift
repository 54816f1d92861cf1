internal import AuditLog
internal import CommonAPI
internal import Cryptography
internal import Foundation
internal import HealthAPI
internal import KeyManagement
internal import Logging
internal import PrivacyCore
internal import RPC
internal import RPCTestSupport
internal import SealedStore
internal import ServiceKit
internal import TestSupport
internal import Testing

@Suite("Backup, restore and verification of a service")
struct UpkeepTests {
  private static let notes = StoreTable<String, String>("notes", id: 1)

  private func open(_ directory: URL) async throws -> (SealedStore, ServiceKeys) {
    let kms = try FileKeyManagementService(
      rootKey: SecretBytes(copying: [UInt8](repeating: 9, count: 32)))
    let keys = try await ServiceKeys.open(service: "vault", directory: directory, kms: kms)
    let store = try SealedStore.open(
      at: directory, keys: try keys.sealingKeys(purpose: "at-rest"),
      tables: [Self.notes] + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "vault"))
    return (store, keys)
  }

  private func serving(
    _ store: SealedStore, _ keys: ServiceKeys, _ body: (UpkeepClient) async throws -> Void
  ) async throws {
    let log = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let runtime = try ServiceRuntime(service: .vault, store: store, keys: keys, log: log) { _ in
      throw RPCError(.unavailable, "nobody else is here")
    }
    try await withLoopbackServer({ UpkeepService(runtime: runtime).register(on: &$0) }) {
      try await body(UpkeepClient($0))
    }
  }

  @Test("what is backed up, restored into a fresh directory and opened again is the same service")
  func roundTrip() async throws {
    try await withTemporaryDirectory { parent in
      let backup = parent.appending(path: "backup")
      let fresh = parent.appending(path: "fresh")
      let (store, keys) = try await open(parent.appending(path: "store"))
      try await store.write { try $0.put(Self.notes, "a", "before") }
      try await serving(store, keys) { upkeep in
        let reply = try await upkeep.backup(BackupRequest(directory: backup.path))
        #expect(reply.lastSequence == 1)
      }
      store.close()
      let secret = try keys.secret(purpose: "test")
      let secretBytes = secret.withUnsafeBytes { Array($0) }

      try SealedStore.restore(from: backup, to: fresh)
      let (restored, restoredKeys) = try await open(fresh)
      defer { restored.close() }
      #expect(try restored.read { try $0.get(Self.notes, "a") } == "before")
      let restoredSecret = try restoredKeys.secret(purpose: "test")
      #expect(restoredSecret.withUnsafeBytes { Array($0) } == secretBytes)
    }
  }

  @Test("verification counts what was written the moment before")
  func newestRows() async throws {
    try await withTemporaryDirectory { directory in
      let (store, keys) = try await open(directory)
      defer { store.close() }
      try await serving(store, keys) { upkeep in
        try await store.write { try $0.put(Self.notes, "a", "1") }
        let reply = try await upkeep.verify(VerifyRequest())
        #expect(reply.tables.first { $0.name == "notes" }?.value == 1)
        #expect(reply.problems.isEmpty)
      }
    }
  }
}
