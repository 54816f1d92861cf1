internal import AuditLog
internal import Cryptography
internal import Foundation
internal import IdentityVaultService
internal import KeyManagement
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import TestSupport
internal import Testing
internal import VaultAPI

@Suite("A store from before the key tree")
struct MovingTests {
  private static func pid(_ number: Int) -> PseudonymousID {
    PseudonymousID(words: (1, 2, 3, UInt64(number)))
  }

  /// Writes people as they were written before: keys sealed by a ring, identifiers by the store.
  ///
  /// - Returns: the subject keys.
  private static func write(_ count: Int, in directory: URL) async throws -> [[UInt8]] {
    let keys = try await ServiceKeys.open(
      service: "vault", directory: directory, kms: VaultFixture.kms())
    let ring = try keys.sealingKeys(purpose: "subject-keys")
    let store = try SealedStore.open(
      at: directory, keys: try keys.sealingKeys(purpose: "at-rest"),
      tables: IdentityVaultService.tables + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "vault"))
    defer { store.close() }
    let secrets = (0..<count).map { _ in SystemRandom().bytes(count: 32) }
    try await store.write { transaction in
      for (number, secret) in secrets.enumerated() {
        let pid = Self.pid(number)
        try transaction.put(
          VaultTables.people, pid, StoredMessage(PersonRecord(domain: "default", keyVersion: 1)))
        let sealed = try ring.current.seal(
          SecretBytes(copying: secret), associatedData: pid.bytes)
        try transaction.put(VaultTables.ringSealedKeys, pid, sealed)
        for identifier in UInt32(0)..<2 {
          let record = IdentifierRecord(
            kind: .email, profile: "email/v1", value: "p\(number).\(identifier)@example.com",
            provenance: "crm", pid: pid.bytes)
          try transaction.put(
            VaultTables.identifiers, KeyPair(pid, identifier), StoredMessage(record))
        }
      }
    }
    return secrets
  }

  private static func expected(_ secrets: [[UInt8]]) throws -> [[UInt8]] {
    try secrets.map { secret in
      try KeyDerivation.hkdfSHA256(
        secret: SecretBytes(copying: secret), salt: [],
        info: Array("tacit subject key|local".utf8), byteCount: 32
      ).withUnsafeBytes { Array($0) }
    }
  }

  @Test("is moved at the first start: the same keys, identifiers under keys of their own")
  func move() async throws {
    try await withTemporaryDirectory { parent async throws in
      let place = parent.appending(path: "vault")
      let before = parent.appending(path: "before")
      let backup = parent.appending(path: "backup")
      let secrets = try await Self.write(130, in: place)
      try FileManager.default.copyItem(at: place, to: before)
      let pids = (0..<130).map { Self.pid($0).bytes }
      try await VaultFixture.run(in: place) { fixture async throws in
        #expect(try await fixture.subjectKeys(pids).map(\.key) == Self.expected(secrets))
        #expect(try await fixture.show(pids[7]).identifiers.count == 2)
        let counts = try fixture.store.read { snapshot -> [Int] in
          [
            try snapshot.count(VaultTables.ringSealedKeys),
            try snapshot.count(VaultTables.subjectKeys), try snapshot.count(VaultTables.slotOwners),
          ]
        }
        #expect(counts == [0, 130, 130])
        #expect(throws: StoreError.subjectKeyNeeded(table: "identifiers")) {
          try fixture.store.read { try $0.rows(VaultTables.identifiers) }
        }
        #expect(await fixture.measure("subject_key_slots") == 130)
        try fixture.store.backup(to: backup, companions: ["keys.json"])
        try await fixture.forget(pids[7])
      }
      // A copy from before the move cannot say who was erased since.
      let file = CoverFile.fileName
      try FileManager.default.copyItem(
        at: place.appending(path: file), to: before.appending(path: file))
      await #expect(
        throws: CoverFileError.storeBeforeTree(path: before.appending(path: file).path)
      ) {
        try await VaultFixture.run(in: before) { _ in }
      }
      // One from after it can.
      try SealedStore.restore(from: backup, to: place, force: true)
      try await VaultFixture.run(in: place) { fixture async throws in
        let keys = try await fixture.subjectKeys(pids)
        #expect(keys.indices.filter { keys[$0].forgotten } == [7])
      }
    }
  }

  @Test("a move that was cut off goes on at the next start")
  func cutOff() async throws {
    try await withTemporaryDirectory { place async throws in
      let secrets = try await Self.write(70, in: place)
      let pids = (0..<70).map { Self.pid($0).bytes }
      try await VaultFixture.run(in: place) { _ in }
      // As if it had ended after some: the others are as they were.
      let more = try await Self.write(40, in: place)
      try await VaultFixture.run(in: place) { fixture async throws in
        let expected = try Self.expected(more + secrets[40...])
        #expect(try await fixture.subjectKeys(pids).map(\.key) == expected)
        #expect(try fixture.store.read { try $0.count(VaultTables.ringSealedKeys) } == 0)
      }
    }
  }
}
