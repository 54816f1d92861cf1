internal import Cryptography
internal import Foundation
internal import PrivacyCore

extension ServiceKeys {
  static func context(service: String, version: UInt32) -> [String: String] {
    [
      "tacit:service": service, "tacit:purpose": "key-encryption-key",
      "tacit:version": String(version),
    ]
  }

  static func makeVersion(
    _ version: UInt32, service: String, kms: any KeyManagementService, random: any RandomSource,
    time: any TimeSource
  ) async throws(KeyManagementError) -> ServiceKeyFile.Version {
    let key = SecretBytes(random: random, count: KeyEncryptionKey.byteCount)
    let wrapped = try await kms.wrap(key, context: context(service: service, version: version))
    return ServiceKeyFile.Version(version: version, createdAt: time.now, wrapped: wrapped)
  }

  static func unwrap(
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

  static func makeDirectory(_ directory: URL) throws(KeyManagementError) {
    do {
      try FileManager.default.createDirectory(
        at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw .fileSystem(
        path: directory.path(percentEncoded: false), operation: "create directory",
        reason: "it does not exist and cannot be made")
    }
  }

  // MARK: - Kept keys

  /// The names are bound to what is wrapped: another order opens nothing.
  private static func keptContext(
    service: String, version: UInt32, names: [DerivedKeyName]
  ) throws(KeyManagementError) -> [String: String] {
    var encoding = FieldEncoding()
    for name in names {
      for text in [name.use.rawValue, name.purpose, name.tenant, name.domain] {
        encoding.append(text)
      }
    }
    let bytes = encoding.bytes
    let digest = try reportingCryptography { () throws(CryptographyError) in
      var digest = try SHA256()
      try digest.update(bytes)
      return try digest.finalize()
    }
    return [
      "tacit:service": service, "tacit:purpose": "kept-keys", "tacit:version": String(version),
      "tacit:names": Hexadecimal.encode(digest),
    ]
  }

  /// Wraps keys that are to outlive their version.
  static func wrap(
    _ keys: [(name: DerivedKeyName, key: KeptKey)], of version: UInt32, service: String,
    kms: any KeyManagementService
  ) async throws(KeyManagementError) -> [ServiceKeyFile.Kept] {
    var wrapped: [ServiceKeyFile.Kept] = []
    for start in stride(from: 0, to: keys.count, by: ServiceKeyFile.Kept.countMax) {
      let part = keys[start..<min(start + ServiceKeyFile.Kept.countMax, keys.count)]
      let names = part.map(\.name)
      let byteCount = KeyEncryptionKey.byteCount
      let joined = SecretBytes(byteCount: byteCount * part.count) { target in
        for (place, entry) in part.enumerated() {
          entry.key.secret.withUnsafeBytes { bytes in
            let slot = target[(place * byteCount)..<((place + 1) * byteCount)]
            UnsafeMutableRawBufferPointer(rebasing: slot).copyMemory(from: bytes)
          }
        }
      }
      let context = try keptContext(service: service, version: version, names: names)
      wrapped.append(
        ServiceKeyFile.Kept(names, wrapped: try await kms.wrap(joined, context: context)))
    }
    return wrapped
  }

  /// The keys of one part, by their names.
  static func unwrap(
    _ kept: ServiceKeyFile.Kept, of version: UInt32, service: String, path: String,
    kms: any KeyManagementService
  ) async throws(KeyManagementError) -> [DerivedKeyName: KeptKey] {
    guard let wrapped = kept.wrapped, Set(kept.names).count == kept.names.count else {
      throw .damaged(path: path, reason: "kept keys are malformed")
    }
    let byteCount = KeyEncryptionKey.byteCount
    let joined = try await kms.unwrap(
      wrapped, context: keptContext(service: service, version: version, names: kept.names))
    guard joined.byteCount == byteCount * kept.names.count else {
      throw .damaged(path: path, reason: "kept keys have another length")
    }
    return joined.withUnsafeBytes { bytes in
      var keys: [DerivedKeyName: KeptKey] = [:]
      for (place, name) in kept.names.enumerated() {
        let slot = bytes[(place * byteCount)..<((place + 1) * byteCount)]
        keys[name] = KeptKey(SecretBytes(copying: slot))
      }
      return keys
    }
  }

  /// Wraps kept keys by another provider, or anew by the same.
  static func rewrap(
    _ parts: [ServiceKeyFile.Kept], of version: UInt32, service: String, path: String,
    from old: any KeyManagementService, to new: any KeyManagementService
  ) async throws(KeyManagementError) -> [ServiceKeyFile.Kept] {
    var moved: [ServiceKeyFile.Kept] = []
    for part in parts {
      let keys: [DerivedKeyName: KeptKey]
      do throws(KeyManagementError) {
        keys = try await unwrap(part, of: version, service: service, path: path, kms: old)
      } catch {
        guard case .otherProvider = error else { throw error }
        keys = try await unwrap(part, of: version, service: service, path: path, kms: new)
      }
      let named = part.names.compactMap { name in keys[name].map { (name, $0) } }
      let again = try await wrap(named, of: version, service: service, kms: new)
      for part in again {
        _ = try await unwrap(part, of: version, service: service, path: path, kms: new)
      }
      moved += again
    }
    return moved
  }
}
