internal import Cryptography
internal import Foundation
internal import KeyManagement
internal import PrivacyCore
internal import TestSupport
internal import Testing

@Suite("Keys of a service")
struct ServiceKeysTests {
  private let kms: FileKeyManagementService

  init() throws {
    kms = try FileKeyManagementService(
      rootKey: SecretBytes(random: SeededRandom(seed: 1), count: 32))
  }

  private func open(
    _ directory: URL, service: String = "consent", kms: (any KeyManagementService)? = nil
  ) async throws -> ServiceKeys {
    try await ServiceKeys.open(service: service, directory: directory, kms: kms ?? self.kms)
  }

  // MARK: - Opening

  @Test("the first opening makes the keys, later ones find the same")
  func firstUse() async throws {
    try await withTemporaryDirectory { directory in
      let store = directory.appending(path: "a/store")
      let first = try await open(store)
      let sealed = try first.sealingKeys(purpose: "at-rest").seal([1, 2, 3])
      let second = try await open(store)
      #expect(try second.sealingKeys(purpose: "at-rest").open(sealed) == [1, 2, 3])
      #expect(second.service == "consent")
      #expect(second.currentVersion == 1)
      #expect(try store.fileNames() == ["keys.json"])
      #expect(try store.appending(path: "keys.json").mode() == 0o600)
    }
  }

  @Test("two stores have unrelated keys")
  func unrelated() async throws {
    try await withTemporaryDirectory { directory in
      let first = try await open(directory.appending(path: "a"))
      let second = try await open(directory.appending(path: "b"))
      #expect(
        try first.hmacKey(purpose: "index").authenticate([1])
          != second.hmacKey(purpose: "index").authenticate([1]))
    }
  }

  @Test("many that open for the first time at once get one key")
  func concurrentFirstUse() async throws {
    try await withTemporaryDirectory { directory in
      let codes = try await withThrowingTaskGroup(of: [UInt8].self) { group in
        for _ in 0..<16 {
          group.addTask {
            try await self.open(directory).hmacKey(purpose: "index").authenticate([1])
          }
        }
        return try await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(codes.count == 1)
      #expect(try directory.fileNames() == ["keys.json"])
    }
  }

  @Test("one service's file does not open as another's, even with its name rewritten")
  func otherService() async throws {
    try await withTemporaryDirectory { directory in
      _ = try await open(directory)
      let url = directory.appending(path: ServiceKeys.fileName)
      await #expect(
        throws: KeyManagementError.otherService(
          path: url.path(), found: "consent", expected: "vault")
      ) { _ = try await open(directory, service: "vault") }
      try url.replaceText("\"consent\"", with: "\"vault\"")
      await #expect(throws: KeyManagementError.refused) {
        _ = try await open(directory, service: "vault")
      }
    }
  }

  @Test("another root key does not open the file")
  func otherRoot() async throws {
    try await withTemporaryDirectory { directory in
      _ = try await open(directory)
      let other = try FileKeyManagementService(
        rootKey: SecretBytes(random: SeededRandom(seed: 2), count: 32))
      await #expect(
        throws: KeyManagementError.otherProvider(
          wrappedBy: "file \(kms.rootKeyName)", available: "file \(other.rootKeyName)")
      ) { _ = try await open(directory, kms: other) }
    }
  }

  @Test("a file that others may read is refused")
  func readableByOthers() async throws {
    try await withTemporaryDirectory { directory in
      _ = try await open(directory)
      let url = directory.appending(path: ServiceKeys.fileName)
      try url.setMode(0o644)
      await #expect(
        throws: KeyManagementError.readableByOthers(path: url.path(), mode: 0o644)
      ) { _ = try await open(directory) }
    }
  }

  @Test("a file that was cut is refused and left as it is")
  func truncated() async throws {
    try await withTemporaryDirectory { directory in
      _ = try await open(directory)
      let url = directory.appending(path: ServiceKeys.fileName)
      let whole = try Data(contentsOf: url)
      for byteCount in stride(from: 0, to: whole.count - 1, by: 5) {
        try whole.prefix(byteCount).write(to: url)
        await #expect {
          _ = try await open(directory)
        } throws: { error in
          guard case .damaged? = error as? KeyManagementError else { return false }
          return true
        }
        #expect(try Data(contentsOf: url).count == byteCount)
      }
    }
  }

  @Test("a file of a newer format asks for an upgrade")
  func newerFormat() async throws {
    try await withTemporaryDirectory { directory in
      let url = try directory.writePrivate(
        ServiceKeys.fileName, #"{"kind":"tacit-service-keys","format":3}"#)
      await #expect(
        throws: KeyManagementError.newerFormat(path: url.path(), found: 3, supported: 2)
      ) { _ = try await open(directory) }
    }
  }

  @Test(
    "versions out of order are refused",
    arguments: [
      (#""version" : 1"#, #""version" : 2"#), (#""version" : 1"#, #""version" : 0"#),
      (#""active""#, #""retired""#), (#""active""#, #""unheard-of""#),
      (#""wrapped_key" : ""#, #""wrapped_key" : "*"#),
    ])
  func outOfOrder(found: String, changed: String) async throws {
    try await withTemporaryDirectory { directory in
      _ = try await open(directory)
      let url = directory.appending(path: ServiceKeys.fileName)
      try url.replaceText(found, with: changed)
      await #expect {
        _ = try await open(directory)
      } throws: { error in
        guard case .damaged? = error as? KeyManagementError else { return false }
        return true
      }
    }
  }

  @Test("a service has a name", arguments: ["", "Consent", "a b", "1st"])
  func names(service: String) async throws {
    try await withTemporaryDirectory { directory in
      await #expect(throws: KeyManagementError.invalidName(service)) {
        _ = try await open(directory, service: service)
      }
      let names = try directory.fileNames()
      #expect(names.isEmpty)
    }
  }

  @Test("a provider that is unavailable leaves no half-made file")
  func unavailable() async throws {
    try await withTemporaryDirectory { directory in
      let expected = KeyManagementError.unavailable(reason: "no network")
      await #expect(throws: expected) {
        _ = try await open(directory, kms: UnavailableKeyManagementService())
      }
      #expect(try directory.fileNames().isEmpty)
      _ = try await open(directory)
      await #expect(throws: expected) {
        _ = try await open(directory, kms: UnavailableKeyManagementService())
      }
    }
  }

  // MARK: - Rotation

  @Test("a new version seals, the old one still opens, here and after a restart")
  func rotation() async throws {
    try await withTemporaryDirectory { directory in
      let keys = try await open(directory)
      let before = try keys.sealingKeys(purpose: "at-rest")
      let old = try before.seal([1])
      #expect(try await keys.addVersion() == 2)
      #expect(keys.currentVersion == 2)
      let after = try keys.sealingKeys(purpose: "at-rest")
      let new = try after.seal([2])
      #expect(after.current.id == KeyID(rawValue: 2))
      #expect(after.ids == [KeyID(rawValue: 1), KeyID(rawValue: 2)])
      #expect(throws: CryptographyError.unknownKey(KeyID(rawValue: 2))) { try before.open(new) }
      for ring in [after, try await open(directory).sealingKeys(purpose: "at-rest")] {
        #expect(try ring.open(old) == [1])
        #expect(try ring.open(new) == [2])
      }
    }
  }

  @Test("hashes, signatures and secrets stay with their version when a new one is added")
  func stable() async throws {
    try await withTemporaryDirectory { directory in
      let keys = try await open(directory)
      let code = try keys.hmacKey(purpose: "index").authenticate([1])
      let publicKey = try keys.signingKey(purpose: "audit").publicKey
      try await keys.addVersion()
      #expect(try keys.hmacKey(purpose: "index").authenticate([1]) == code)
      #expect(try keys.signingKey(purpose: "audit").publicKey == publicKey)
      #expect(try keys.hmacKey(purpose: "index", version: 2).authenticate([1]) != code)
      #expect(try keys.signingKey(purpose: "audit", version: 2).publicKey != publicKey)
    }
  }

  // MARK: - Destruction

  private func proof(_ version: UInt32) -> UnusedKeyProof {
    UnusedKeyProof(keyID: KeyID(rawValue: version), storeID: [], sequence: 0)
  }

  @Test("a version that is destroyed opens nothing, here and after a restart; the others go on")
  func destruction() async throws {
    try await withTemporaryDirectory { directory in
      let keys = try await open(directory)
      let old = try keys.sealingKeys(purpose: "at-rest").seal([1])
      try await keys.addVersion()
      let new = try keys.sealingKeys(purpose: "at-rest").seal([2])
      try await keys.destroyVersion(
        proof(1), sealingPurpose: "at-rest", keepingDerived: false)
      for keys in [keys, try await open(directory)] {
        let ring = try keys.sealingKeys(purpose: "at-rest")
        #expect(ring.ids == [KeyID(rawValue: 2)])
        #expect(try ring.open(new) == [2])
        #expect(throws: CryptographyError.unknownKey(KeyID(rawValue: 1))) { try ring.open(old) }
        #expect(throws: KeyManagementError.destroyedVersion(1)) {
          _ = try keys.secret(purpose: "late")
        }
        #expect(keys.versions.map(\.state) == [.destroyed, .active])
        #expect(keys.currentVersion == 2)
      }
      let text = String(
        decoding: try Data(contentsOf: directory.appending(path: ServiceKeys.fileName)),
        as: UTF8.self)
      #expect(text.contains("\"format\" : 2"))
      #expect(try await open(directory).addVersion() == 3)
    }
  }

  @Test("keys that hang from a version are named, and the version stays")
  func inUse() async throws {
    try await withTemporaryDirectory { directory in
      let keys = try await open(directory)
      let code = try keys.hmacKey(purpose: "index", tenant: "t").authenticate([1])
      _ = try keys.signingKey(purpose: "audit")
      let inner = try keys.sealingKeys(purpose: "subject-keys").seal([7])
      try await keys.addVersion()
      _ = try keys.sealingKeys(purpose: "at-rest")
      let names = keys.namesInUse(ofVersion: 1, exceptSealing: "at-rest")
      #expect(
        names.map(\.description) == [
          "hashing index of t", "sealing subject-keys", "signing audit",
        ])
      await #expect(throws: KeyManagementError.versionInUse(1, by: names)) {
        try await keys.destroyVersion(
          proof(1), sealingPurpose: "at-rest", keepingDerived: false)
      }
      #expect(keys.versions.map(\.state) == [.retired, .active])
      #expect(try keys.hmacKey(purpose: "index", tenant: "t").authenticate([1]) == code)
      #expect(try keys.sealingKeys(purpose: "subject-keys").open(inner) == [7])
    }
  }

  @Test("keys that are kept outlive their version, through restarts and another KMS")
  func kept() async throws {
    try await withTemporaryDirectory { directory in
      let keys = try await open(directory)
      let code = try keys.hmacKey(purpose: "index", tenant: "t").authenticate([1])
      let publicKey = try keys.signingKey(purpose: "audit").publicKey
      let inner = try keys.sealingKeys(purpose: "subject-keys").seal([7])
      let webhook = try keys.secret(purpose: "webhook", domain: "a").withUnsafeBytes { Array($0) }
      let other = try keys.secret(purpose: "webhook", domain: "b").withUnsafeBytes { Array($0) }
      keys.expectFurtherSecrets(purpose: "webhook")
      for number in 0..<100 { _ = try keys.secret(purpose: "many", domain: "\(number)") }
      let last = try keys.secret(purpose: "many", domain: "99").withUnsafeBytes { Array($0) }
      let old = try keys.sealingKeys(purpose: "at-rest").seal([1])
      try await keys.addVersion()
      try await keys.destroyVersion(proof(1), sealingPurpose: "at-rest", keepingDerived: true)

      func check(_ keys: ServiceKeys) throws {
        #expect(try keys.hmacKey(purpose: "index", tenant: "t").authenticate([1]) == code)
        #expect(try keys.signingKey(purpose: "audit").publicKey == publicKey)
        #expect(try keys.sealingKeys(purpose: "subject-keys").open(inner) == [7])
        #expect(
          try keys.secret(purpose: "many", domain: "99").withUnsafeBytes { Array($0) } == last)
        #expect(
          try keys.secret(purpose: "webhook", domain: "a").withUnsafeBytes { Array($0) } == webhook)
        // A domain that nobody knew: neither lost nor the same as another.
        let late = try keys.secret(purpose: "webhook", domain: "late").withUnsafeBytes { Array($0) }
        #expect(late != webhook && late != other)
        #expect(
          try keys.secret(purpose: "webhook", domain: "late").withUnsafeBytes { Array($0) } == late)
        #expect(throws: KeyManagementError.destroyedVersion(1)) {
          _ = try keys.hmacKey(purpose: "index", tenant: "unknown")
        }
        #expect(throws: CryptographyError.unknownKey(KeyID(rawValue: 1))) {
          try keys.sealingKeys(purpose: "at-rest").open(old)
        }
      }
      try check(keys)
      try check(try await open(directory))
      let second = try FileKeyManagementService(
        rootKey: SecretBytes(copying: [UInt8](repeating: 77, count: 32)))
      try await ServiceKeys.rewrap(
        service: "consent", directory: directory, from: kms, to: second)
      try check(try await open(directory, kms: second))
    }
  }

  @Test("the version that seals, an unknown one and one that is gone are not destroyed")
  func notRetired() async throws {
    try await withTemporaryDirectory { directory in
      let keys = try await open(directory)
      try await keys.addVersion()
      for version in [UInt32(0), 2, 3] {
        await #expect(throws: KeyManagementError.notRetired(version)) {
          try await keys.destroyVersion(
            proof(version), sealingPurpose: "at-rest", keepingDerived: true)
        }
      }
      try await keys.destroyVersion(proof(1), sealingPurpose: "at-rest", keepingDerived: true)
      await #expect(throws: KeyManagementError.notRetired(1)) {
        try await keys.destroyVersion(proof(1), sealingPurpose: "at-rest", keepingDerived: true)
      }
    }
  }

  @Test("keys that another process rotated must be opened again")
  func changedElsewhere() async throws {
    try await withTemporaryDirectory { directory in
      let first = try await open(directory)
      let second = try await open(directory)
      try await first.addVersion()
      let path = directory.appending(path: ServiceKeys.fileName).path()
      await #expect(throws: KeyManagementError.changedElsewhere(path: path)) {
        try await second.addVersion()
      }
      #expect(second.currentVersion == 1)
      #expect(try await open(directory).addVersion() == 3)
    }
  }

  @Test("of several rotations at once each adds its own version or none")
  func concurrentRotation() async throws {
    try await withTemporaryDirectory { directory in
      let keys = try await open(directory)
      let added = await withTaskGroup(of: UInt32?.self) { group in
        for _ in 0..<8 { group.addTask { try? await keys.addVersion() } }
        return await group.reduce(into: [UInt32]()) { if let version = $1 { $0.append(version) } }
      }
      #expect(added.sorted() == (2..<UInt32(added.count) + 2).map { $0 })
      #expect(keys.currentVersion == UInt32(added.count) + 1)
      #expect(try await open(directory).currentVersion == keys.currentVersion)
      #expect(try directory.fileNames() == ["keys.json"])
    }
  }

  @Test("there are 64 versions and no more")
  func versionLimit() async throws {
    try await withTemporaryDirectory { directory in
      let keys = try await open(directory)
      while keys.currentVersion < ServiceKeys.versionCountMax { try await keys.addVersion() }
      await #expect(throws: KeyManagementError.tooManyVersions(countMax: 64)) {
        try await keys.addVersion()
      }
      #expect(try await open(directory).currentVersion == 64)
    }
  }

  // MARK: - Moving

  @Test("keys that move to another root key stay the same keys, in all versions")
  func rewrap() async throws {
    try await withTemporaryDirectory { directory in
      let other = try FileKeyManagementService(
        rootKey: SecretBytes(random: SeededRandom(seed: 2), count: 32))
      let keys = try await open(directory)
      try await keys.addVersion()
      let sealed = try keys.sealingKeys(purpose: "at-rest").seal([1])
      let url = directory.appending(path: ServiceKeys.fileName)
      let dates = try url.text().matches(of: /"created_at" : "[^"]+"/).map(\.output)

      for _ in 0..<2 {
        // The second time finds them moved.
        let count = try await ServiceKeys.rewrap(
          service: "consent", directory: directory, from: kms, to: other)
        #expect(count == 2)
      }
      #expect(try url.text().matches(of: /"created_at" : "[^"]+"/).map(\.output) == dates)
      #expect(try url.mode() == 0o600)
      #expect(try directory.fileNames() == ["keys.json"])
      let moved = try await open(directory, kms: other)
      #expect(moved.currentVersion == 2)
      #expect(try moved.sealingKeys(purpose: "at-rest").open(sealed) == [1])
      await #expect(throws: KeyManagementError.self) { _ = try await open(directory) }
      // The service that ran meanwhile has its keys still, and adds none by the old root key.
      #expect(try keys.sealingKeys(purpose: "at-rest").open(sealed) == [1])

      // Anew under the same root key: other bytes, the same keys.
      let before = try url.text()
      try await ServiceKeys.rewrap(
        service: "consent", directory: directory, from: other, to: other)
      #expect(try url.text() != before)
      let again = try await open(directory, kms: other)
      #expect(try again.sealingKeys(purpose: "at-rest").open(sealed) == [1])
    }
  }

  @Test("a move that fails leaves everything as it was")
  func rewrapFails() async throws {
    try await withTemporaryDirectory { directory in
      _ = try await open(directory)
      let url = directory.appending(path: ServiceKeys.fileName)
      let before = try url.text()
      let other = try FileKeyManagementService(
        rootKey: SecretBytes(random: SeededRandom(seed: 2), count: 32))
      func rewrap(
        service: String = "consent", from old: any KeyManagementService,
        to new: any KeyManagementService
      ) async -> KeyManagementError? {
        await keyManagementError {
          try await ServiceKeys.rewrap(
            service: service, directory: directory, from: old, to: new)
        }
      }
      #expect(
        await rewrap(from: kms, to: UnavailableKeyManagementService())
          == .unavailable(reason: "no network"))
      #expect(
        await rewrap(from: UnavailableKeyManagementService(), to: other)
          == .unavailable(reason: "no network"))
      #expect(
        await rewrap(from: other, to: other)
          == .otherProvider(
            wrappedBy: "file \(kms.rootKeyName)", available: "file \(other.rootKeyName)"))
      #expect(
        await rewrap(service: "vault", from: kms, to: other)
          == .otherService(path: url.path(), found: "consent", expected: "vault"))
      #expect(try url.text() == before)
      try FileManager.default.removeItem(at: url)
      #expect(await rewrap(from: kms, to: other) == .missing(path: url.path()))
    }
  }

  @Test("a rotation in a service whose keys were moved meanwhile must be done after its restart")
  func rotationAfterMove() async throws {
    try await withTemporaryDirectory { directory in
      let other = try FileKeyManagementService(
        rootKey: SecretBytes(random: SeededRandom(seed: 2), count: 32))
      let running = try await open(directory)
      try await ServiceKeys.rewrap(
        service: "consent", directory: directory, from: kms, to: other)
      let path = directory.appending(path: ServiceKeys.fileName).path()
      await #expect(throws: KeyManagementError.changedElsewhere(path: path)) {
        try await running.addVersion()
      }
      #expect(try await open(directory, kms: other).addVersion() == 2)
    }
  }

  // MARK: - Derivation

  @Test("every field of a derivation changes the key")
  func derivation() async throws {
    try await withTemporaryDirectory { directory in
      let keys = try await open(directory)
      try await keys.addVersion()
      let all = try [
        keys.hmacKey(purpose: "pid"), keys.hmacKey(purpose: "pid2"),
        keys.hmacKey(purpose: "pid", tenant: "a"), keys.hmacKey(purpose: "pid", domain: "a"),
        keys.hmacKey(purpose: "pid", tenant: "a", domain: "b"),
        keys.hmacKey(purpose: "pid", tenant: "ab"), keys.hmacKey(purpose: "pid", domain: "ab"),
        keys.hmacKey(purpose: "pid", version: 2),
      ].map { try $0.authenticate([1]) }
      #expect(Set(all).count == all.count)
      #expect(
        try keys.hmacKey(purpose: "pid", tenant: "a", domain: "b").authenticate([1]) == all[4])
    }
  }

  @Test("one purpose gives unrelated keys to different uses")
  func uses() async throws {
    try await withTemporaryDirectory { directory in
      let keys = try await open(directory)
      let secret = try keys.secret(purpose: "audit")
      #expect(secret.byteCount == 32)
      #expect(
        try HMACKey(secret: secret).authenticate([1])
          != keys.hmacKey(purpose: "audit").authenticate([1]))
      #expect(
        try SigningKey(seed: secret).publicKey != keys.signingKey(purpose: "audit").publicKey)
      let sealed = try keys.sealingKeys(purpose: "audit").seal([1])
      let direct = try SealingKey(id: KeyID(rawValue: 1), secret: secret)
      #expect(throws: CryptographyError.notAuthentic) { try direct.open(sealed) }
    }
  }

  @Test("purposes are names, tenants and domains short, versions known")
  func refusals() async throws {
    try await withTemporaryDirectory { directory in
      let keys = try await open(directory)
      #expect(throws: KeyManagementError.invalidName("At Rest")) {
        try keys.sealingKeys(purpose: "At Rest")
      }
      let longest = String(repeating: "t", count: 256)
      #expect(throws: Never.self) {
        try keys.hmacKey(purpose: "pid", tenant: longest, domain: longest)
      }
      #expect(throws: KeyManagementError.invalidName(longest + "t")) {
        try keys.hmacKey(purpose: "pid", tenant: longest + "t")
      }
      #expect(throws: KeyManagementError.invalidName(longest + "t")) {
        try keys.hmacKey(purpose: "pid", domain: longest + "t")
      }
      for version in [0, 2] as [UInt32] {
        #expect(throws: KeyManagementError.unknownVersion(version)) {
          _ = try keys.secret(purpose: "audit", version: version)
        }
      }
    }
  }
}

/// A provider whose network is down.
private struct UnavailableKeyManagementService: KeyManagementService {
  let providerName = "unavailable"

  func wrap(
    _ key: borrowing SecretBytes, context: [String: String]
  ) async throws(KeyManagementError) -> WrappedKey { throw .unavailable(reason: "no network") }

  func unwrap(
    _ wrapped: WrappedKey, context: [String: String]
  ) async throws(KeyManagementError) -> SecretBytes { throw .unavailable(reason: "no network") }
}

extension URL {
  /// Replaces a piece of the file's text, which must be there.
  fileprivate func replaceText(_ found: String, with changed: String) throws {
    let text = try text()
    try #require(text.contains(found))
    try Data(text.replacing(found, with: changed).utf8).write(to: self)
  }
}
