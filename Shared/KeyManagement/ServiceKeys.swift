public import Cryptography
public import Foundation
public import PrivacyCore
internal import Synchronization

/// The keys of one service: a tree that hangs from key-encryption keys, which the key management
/// service wraps and which are kept in `keys.json` in the service's directory.
///
///     root key (in the key management service)
///      └ key-encryption key, version 1, 2, …      (wrapped, in keys.json)
///         └ HKDF-SHA256(use | service | tenant | domain | purpose | version)
///
/// Sealed values carry the version as their ``KeyID``, so that sealing follows the newest version
/// by itself. All other keys give values that are compared or published (pseudonyms, indexes,
/// signatures): they stay with the version that is asked for, and moving them is a migration.
///
/// Deriving a key takes a few microseconds: derive once and keep it.
public final class ServiceKeys: Sendable {
  /// The file's name in the service's directory.
  public static let fileName = "keys.json"
  /// The version that a new service begins with.
  public static let firstVersion: UInt32 = 1
  /// The most versions that one service's keys go through.
  public static let versionCountMax = 64

  /// The service that the keys belong to.
  public let service: String

  let url: URL
  let kms: any KeyManagementService
  let random: any RandomSource
  let time: any TimeSource
  let held: Mutex<HeldKeys>

  private init(
    service: String, url: URL, kms: any KeyManagementService, random: any RandomSource,
    time: any TimeSource, held: HeldKeys
  ) {
    self.service = service
    self.url = url
    self.kms = kms
    self.random = random
    self.time = time
    self.held = Mutex(held)
  }

  // MARK: - Open

  /// Opens the keys of `service` in `directory`; makes directory and keys on first use. Of several
  /// processes that do so at once all get the same keys.
  ///
  /// - Parameter service: a name by `NameRule`. It is bound to the wrapped keys: the file of one
  ///   service does not open as another's.
  public static func open(
    service: String, directory: URL, kms: any KeyManagementService,
    random: any RandomSource = SystemRandom(), time: any TimeSource = SystemTime()
  ) async throws(KeyManagementError) -> ServiceKeys {
    guard NameRule.accepts(service) else { throw .invalidName(service) }
    let url = directory.appending(path: fileName)
    let path = url.path(percentEncoded: false)
    let file: ServiceKeyFile
    do throws(KeyManagementError) {
      file = try ServiceKeyFile.decode(PrivateFile.read(url), path: path)
    } catch {
      guard case .missing = error else { throw error }
      try makeDirectory(directory)
      let version = try await makeVersion(
        firstVersion, service: service, kms: kms, random: random, time: time)
      let made = ServiceKeyFile(
        service: service, createdAt: time.now.description, versions: [version])
      // Whoever was first: the keys that count are the ones on disk.
      _ = try PrivateFile.create(made.encoded(path: path), at: url, random: random)
      file = try ServiceKeyFile.decode(PrivateFile.read(url), path: path)
    }
    try file.check(service: service, path: path)
    var held = HeldKeys(versions: file.versions.map(\.summary))
    for version in file.versions {
      if version.state != .destroyed {
        held.keys[version.version] = try await unwrap(
          version, service: service, path: path, kms: kms)
      }
      for kept in version.kept ?? [] {
        held.kept[version.version, default: [:]].merge(
          try await unwrap(kept, of: version.version, service: service, path: path, kms: kms)
        ) { $1 }
      }
    }
    return ServiceKeys(
      service: service, url: url, kms: kms, random: random, time: time, held: held)
  }

  // MARK: - Versions

  /// The version that new values are sealed under.
  public var currentVersion: UInt32 { held.withLock { UInt32($0.versions.count) } }

  /// All versions, the first one first.
  public var versions: [ServiceKeyVersion] { held.withLock { $0.versions } }

  /// The version that new purposes, tenants and domains take: the first that is not destroyed.
  public var derivationVersion: UInt32 {
    held.withLock { $0.versions.first { $0.state != .destroyed }?.version ?? Self.firstVersion }
  }

  /// Adds a key-encryption key, which becomes the current one; the earlier ones go on opening.
  /// Rings that were handed out before keep their current key: take new ones.
  ///
  /// - Returns: the new version.
  /// - Throws: ``KeyManagementError/changedElsewhere(path:)`` when another process added one since
  ///   these keys were opened.
  @discardableResult
  public func addVersion() async throws(KeyManagementError) -> UInt32 {
    let path = url.path(percentEncoded: false)
    let before = try PrivateFile.read(url)
    var file = try ServiceKeyFile.decode(before, path: path)
    try file.check(service: service, path: path)
    guard file.versions.count == Int(currentVersion) else { throw .changedElsewhere(path: path) }
    guard file.versions.count < Self.versionCountMax else {
      throw .tooManyVersions(countMax: Self.versionCountMax)
    }
    if let newest = file.versions.last {
      do throws(KeyManagementError) {
        _ = try await Self.unwrap(newest, service: service, path: path, kms: kms)
      } catch {
        // Moved to another root key since: a version under the old one would divide the file.
        guard case .otherProvider = error else { throw error }
        throw .changedElsewhere(path: path)
      }
    }
    let version = try await Self.makeVersion(
      currentVersion + 1, service: service, kms: kms, random: random, time: time)
    // Unwrapped before it is written: what cannot be read back never becomes current.
    let key = try await Self.unwrap(version, service: service, path: path, kms: kms)
    for index in file.versions.indices where file.versions[index].state == .active {
      file.versions[index].state = .retired
    }
    file.versions.append(version)
    try PrivateFile.replace(before, with: file.encoded(path: path), at: url, random: random)
    let versions = file.versions.map(\.summary)
    held.withLock { held in
      held.keys[key.version] = key
      held.versions = versions
    }
    return key.version
  }

  /// Wraps every key of `service` anew: under the root key of another provider, or under the newest
  /// version of the same one. The keys themselves stay as they are, so nothing that was sealed or
  /// derived changes. A service that runs goes on; its next start needs the new provider.
  ///
  /// The file changes at once or not at all. What an earlier call moved already is found to be so.
  ///
  /// - Parameters:
  ///   - old: unwraps the keys.
  ///   - new: wraps them; each is unwrapped again and compared before the file changes.
  /// - Returns: how many versions of the key there are.
  /// - Throws: ``KeyManagementError/changedElsewhere(path:)`` when a version was added meanwhile.
  @discardableResult
  public static func rewrap(
    service: String, directory: URL, from old: any KeyManagementService,
    to new: any KeyManagementService, random: any RandomSource = SystemRandom()
  ) async throws(KeyManagementError) -> Int {
    let url = directory.appending(path: fileName)
    let path = url.path(percentEncoded: false)
    let before = try PrivateFile.read(url)
    var file = try ServiceKeyFile.decode(before, path: path)
    try file.check(service: service, path: path)
    for (index, version) in file.versions.enumerated() {
      if let kept = version.kept {
        file.versions[index].kept = try await rewrap(
          kept, of: version.version, service: service, path: path, from: old, to: new)
      }
      guard version.state != .destroyed else { continue }
      let key: KeyEncryptionKey
      do throws(KeyManagementError) {
        key = try await unwrap(version, service: service, path: path, kms: old)
      } catch {
        guard case .otherProvider = error else { throw error }
        do throws(KeyManagementError) {
          key = try await unwrap(version, service: service, path: path, kms: new)
        } catch let second {
          // What neither opens is the old provider's to explain.
          if case .otherProvider = second { throw error }
          throw second
        }
      }
      let wrapped = try await new.wrap(
        key.secret, context: context(service: service, version: version.version))
      let moved = ServiceKeyFile.Version(version, wrapped: wrapped)
      let again = try await unwrap(moved, service: service, path: path, kms: new)
      let isSame = key.secret.withUnsafeBytes { key in
        again.secret.withUnsafeBytes { ConstantTime.areEqual(Array(key), Array($0)) }
      }
      guard isSame else {
        throw .unexpectedAnswer(
          provider: new.providerName, reason: "it does not unwrap what it wrapped")
      }
      file.versions[index] = moved
    }
    try PrivateFile.replace(before, with: file.encoded(path: path), at: url, random: random)
    return file.versions.count
  }

  // MARK: - Keys beside the tree

  /// Where `keys.json` lies.
  package var directory: URL { url.deletingLastPathComponent() }

  /// Wraps keys of the service that do not hang from its key-encryption key.
  package var wrapper: KeyWrapper { KeyWrapper(service: service, kms: kms) }

  // MARK: - Derived keys

  /// The keys that were derived from a version so far, or are said to be needed, without the sealing
  /// keys of `sealingPurpose`: what would be lost with the version.
  public func namesInUse(
    ofVersion version: UInt32, exceptSealing sealingPurpose: String
  ) -> [DerivedKeyName] {
    let except = DerivedKeyName(.sealing, purpose: sealingPurpose)
    return held.withLock { held in
      held.uses[version, default: []].filter { $0 != except }.sorted()
    }
  }

  /// Says that secrets of this purpose are asked for again and again for domains that come up only
  /// then. Where the version is destroyed and its keys are kept, those asked for later are derived
  /// from an heir of the version; all that exist already must have been asked for before.
  public func expectFurtherSecrets(purpose: String, version: UInt32 = firstVersion) {
    let heir = DerivedKeyName(.heir, purpose: purpose)
    held.withLock { held in _ = held.uses[version, default: []].insert(heir) }
  }

  /// The ring of a purpose: seals under the current version, opens under all.
  public func sealingKeys(purpose: String) throws(KeyManagementError) -> SealingKeyRing {
    var ring: [SealingKey] = []
    for version in try openingVersions(purpose: purpose) {
      let secret = try derive(.sealing, purpose, tenant: "", domain: "", version)
      ring.append(
        try reportingCryptography { () throws(CryptographyError) in
          try SealingKey(id: KeyID(rawValue: version), secret: secret, random: random)
        })
    }
    let current = ring.removeLast()
    return SealingKeyRing(current: current, retired: ring)
  }

  /// The key of keyed hashes for a purpose, such as pseudonyms of one tenant and domain.
  ///
  /// - Parameters:
  ///   - tenant: any text of up to 256 bytes.
  ///   - domain: any text of up to 256 bytes.
  ///   - version: another version gives unrelated hashes.
  public func hmacKey(
    purpose: String, tenant: String = "", domain: String = "", version: UInt32 = firstVersion
  ) throws(KeyManagementError) -> HMACKey {
    let secret = try derive(.hashing, purpose, tenant: tenant, domain: domain, version)
    return try reportingCryptography { () throws(CryptographyError) in
      try HMACKey(secret: secret)
    }
  }

  /// 32 secret bytes for a purpose that the other functions do not serve.
  public func secret(
    purpose: String, tenant: String = "", domain: String = "", version: UInt32 = firstVersion
  ) throws(KeyManagementError) -> SecretBytes {
    try derive(.secret, purpose, tenant: tenant, domain: domain, version)
  }

  /// The key of signatures for a purpose, such as audit checkpoints.
  public func signingKey(
    purpose: String, version: UInt32 = firstVersion
  ) throws(KeyManagementError) -> SigningKey {
    let secret = try derive(.signing, purpose, tenant: "", domain: "", version)
    return try reportingCryptography { () throws(CryptographyError) in
      try SigningKey(seed: secret)
    }
  }

  /// The versions whose key for this purpose is still there, ascending.
  private func openingVersions(purpose: String) throws(KeyManagementError) -> [UInt32] {
    let name = DerivedKeyName(.sealing, purpose: purpose)
    return held.withLock { held in
      held.versions.map(\.version).filter {
        held.keys[$0] != nil || held.kept[$0]?[name] != nil
      }
    }
  }

  private func derive(
    _ use: DerivedKeyName.Use, _ purpose: String, tenant: String, domain: String, _ version: UInt32
  ) throws(KeyManagementError) -> SecretBytes {
    guard NameRule.accepts(purpose) else { throw .invalidName(purpose) }
    for text in [tenant, domain] where text.utf8.count > 256 { throw .invalidName(text) }
    let name = DerivedKeyName(use, purpose: purpose, tenant: tenant, domain: domain)
    let (key, kept, heir, isKnown) = held.withLock { held in
      held.uses[version, default: []].insert(name)
      return (
        held.keys[version], held.kept[version]?[name],
        held.kept[version]?[DerivedKeyName(.heir, purpose: purpose)],
        held.versions.contains { $0.version == version }
      )
    }
    if let kept { return kept.secret.copy() }
    if let key { return try Self.derive(name, of: service, version, from: key.secret) }
    if let heir { return try Self.derive(name, of: service, version, from: heir.secret) }
    throw isKnown ? .destroyedVersion(version) : .unknownVersion(version)
  }

  static func derive(
    _ name: DerivedKeyName, of service: String, _ version: UInt32,
    from parent: borrowing SecretBytes
  ) throws(KeyManagementError) -> SecretBytes {
    var info = FieldEncoding()
    for text in [
      "tacit key", name.use.rawValue, service, name.tenant, name.domain, name.purpose,
    ] {
      info.append(text)
    }
    info.append(version)
    return try reportingCryptography { () throws(CryptographyError) in
      try KeyDerivation.hkdfSHA256(
        secret: parent, salt: [], info: info.bytes, byteCount: KeyEncryptionKey.byteCount)
    }
  }
}
