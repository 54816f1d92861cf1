public import Cryptography

/// A key management service: it holds a root key that never leaves it, and wraps other keys.
///
/// Every provider passes the one conformance suite in Tests/Shared/KeyManagementTests.
public protocol KeyManagementService: Sendable {
  /// The provider's kind, as wrapped keys and messages name it: `file`, `aws-kms`.
  var providerName: String { get }

  /// Wraps `key` so that only this provider, given the same context, unwraps it.
  ///
  /// - Parameters:
  ///   - key: 1 to ``WrappedKey/keyByteCountMax`` bytes.
  ///   - context: what the key is for. Bound to the wrapped key, not secret, not stored in it; at
  ///     most ``WrappedKey/contextByteCountMax`` bytes in all.
  func wrap(
    _ key: borrowing SecretBytes, context: [String: String]
  ) async throws(KeyManagementError) -> WrappedKey

  /// The key that was wrapped.
  ///
  /// - Throws: ``KeyManagementError/refused`` when the wrapped key was changed or the context is
  ///   another; ``KeyManagementError/otherProvider(wrappedBy:available:)`` when another provider
  ///   or another root key wrapped it.
  func unwrap(
    _ wrapped: WrappedKey, context: [String: String]
  ) async throws(KeyManagementError) -> SecretBytes
}

/// A key as a key management service gives it out: of use to that service alone.
public struct WrappedKey: Hashable, Sendable {
  /// The longest key that is wrapped.
  public static let keyByteCountMax = 4_096
  /// The largest context: all names and values together, as UTF-8.
  public static let contextByteCountMax = 4_096

  /// The kind of provider that wrapped it.
  public var provider: String
  /// The provider's name for the root key that wrapped it.
  public var rootKeyName: String
  /// The wrapped key itself.
  public var ciphertext: [UInt8]

  /// A wrapped key of these parts.
  public init(provider: String, rootKeyName: String, ciphertext: [UInt8]) {
    self.provider = provider
    self.rootKeyName = rootKeyName
    self.ciphertext = ciphertext
  }
}

extension KeyManagementService {
  /// Throws unless key and context are within the limits that all providers share.
  package func checkLimits(
    keyByteCount: Int, context: [String: String]
  ) throws(KeyManagementError) {
    guard (1...WrappedKey.keyByteCountMax).contains(keyByteCount) else {
      throw .keyByteCount(keyByteCount, byteCountMax: WrappedKey.keyByteCountMax)
    }
    let contextByteCount = context.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
    guard contextByteCount <= WrappedKey.contextByteCountMax else {
      throw .contextTooLarge(
        byteCount: contextByteCount, byteCountMax: WrappedKey.contextByteCountMax)
    }
  }
}
