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

  private let url: URL
  private let kms: any KeyManagementService
  private let random: any RandomSource
  private let time: any TimeSource
  private let keys: Mutex<[KeyEncryptionKey]>

  private init(
    service: String, url: URL, kms: any KeyManagementService, random: any RandomSource,
    time: any TimeSource, keys: [KeyEncryptionKey]
  ) {
    self.service = service
    self.url = url
    self.kms = kms
    self.random = random
    self.time = time
    self.keys = Mutex(keys)
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
    var keys: [KeyEncryptionKey] = []
    for version in file.versions {
      keys.append(try await unwrap(version, service: service, path: path, kms: kms))
    }
    return ServiceKeys(
      service: service, url: url, kms: kms, random: random, time: time, keys: keys)
  }

  // MARK: - Versions

  /// The version that new values are sealed under.
  public var currentVersion: UInt32 { keys.withLock { UInt32($0.count) } }

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
    for index in file.versions.indices { file.versions[index].state = .retired }
    file.versions.append(version)
    try PrivateFile.replace(before, with: file.encoded(path: path), at: url, random: random)
    keys.withLock { $0.append(key) }
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

  // MARK: - Derived keys

  /// The ring of a purpose: seals under the current version, opens under all.
  public func sealingKeys(purpose: String) throws(KeyManagementError) -> SealingKeyRing {
    var ring: [SealingKey] = []
    for version in Self.firstVersion...currentVersion {
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

  /// What a derived key is used as: part of its derivation, so that one purpose's name never
  /// gives the same bytes to two algorithms.
  private enum Use: String {
    case sealing
    case hashing
    case signing
    case secret
  }

  private func derive(
    _ use: Use, _ purpose: String, tenant: String, domain: String, _ version: UInt32
  ) throws(KeyManagementError) -> SecretBytes {
    guard NameRule.accepts(purpose) else { throw .invalidName(purpose) }
    for text in [tenant, domain] where text.utf8.count > 256 { throw .invalidName(text) }
    guard let key = keys.withLock({ $0.first { $0.version == version } }) else {
      throw .unknownVersion(version)
    }
    var info = FieldEncoding()
    for text in ["tacit key", use.rawValue, service, tenant, domain, purpose] {
      info.append(text)
    }
    info.append(version)
    return try reportingCryptography { () throws(CryptographyError) in
      try KeyDerivation.hkdfSHA256(
        secret: key.secret, salt: [], info: info.bytes, byteCount: KeyEncryptionKey.byteCount)
    }
  }
}

/// One version of a service's key-encryption key, unwrapped.
private final class KeyEncryptionKey: Sendable {
  static let byteCount = 32

  let version: UInt32
  let secret: SecretBytes

  init(version: UInt32, secret: consuming SecretBytes) {
    self.version = version
    self.secret = secret
  }
}

// MARK: - Wrapping

extension ServiceKeys {
  private static func context(service: String, version: UInt32) -> [String: String] {
    [
      "tacit:service": service, "tacit:purpose": "key-encryption-key",
      "tacit:version": String(version),
    ]
  }

  private static func makeVersion(
    _ version: UInt32, service: String, kms: any KeyManagementService, random: any RandomSource,
    time: any TimeSource
  ) async throws(KeyManagementError) -> ServiceKeyFile.Version {
    let key = SecretBytes(random: random, count: KeyEncryptionKey.byteCount)
    let wrapped = try await kms.wrap(key, context: context(service: service, version: version))
    return ServiceKeyFile.Version(version: version, createdAt: time.now, wrapped: wrapped)
  }

  private static func unwrap(
    _ version: ServiceKeyFile.Version, service: String, path: String,
    kms: any KeyManagementService
  ) async throws(KeyManagementError) -> KeyEncryptionKey {
    guard let wrapped = version.wrapped else {
      throw .damaged(path: path, reason: "a wrapped key is malformed")
    }
    let secret = try await kms.unwrap(
      wrapped, context: context(service: service, version: version.version))
    guard secret.byteCount == KeyEncryptionKey.byteCount else {
      throw .damaged(path: path, reason: "a wrapped key has another length")
    }
    return KeyEncryptionKey(version: version.version, secret: secret)
  }

  private static func makeDirectory(_ directory: URL) throws(KeyManagementError) {
    do {
      try FileManager.default.createDirectory(
        at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw .fileSystem(
        path: directory.path(percentEncoded: false), operation: "create directory",
        reason: "it does not exist and cannot be made")
    }
  }
}
