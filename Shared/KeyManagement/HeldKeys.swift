internal import Cryptography

/// The keys of a service in memory.
struct HeldKeys: Sendable {
  /// All versions, ascending from 1.
  var versions: [ServiceKeyVersion]
  /// The keys of those that are not destroyed.
  var keys: [UInt32: KeyEncryptionKey] = [:]
  /// What was kept of those that are.
  var kept: [UInt32: [DerivedKeyName: KeptKey]] = [:]
  /// What was derived from each, or is said to be needed.
  var uses: [UInt32: Set<DerivedKeyName>] = [:]
}

/// A key that was derived from a version before that was destroyed.
final class KeptKey: Sendable {
  let secret: SecretBytes

  init(_ secret: consuming SecretBytes) { self.secret = secret }
}

/// One version of a service's key-encryption key, unwrapped.
final class KeyEncryptionKey: Sendable {
  static let byteCount = 32

  let version: UInt32
  let secret: SecretBytes

  init(version: UInt32, secret: consuming SecretBytes) {
    self.version = version
    self.secret = secret
  }
}
