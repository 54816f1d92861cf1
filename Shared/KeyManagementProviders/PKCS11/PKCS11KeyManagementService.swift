public import Cryptography
internal import Foundation
public import KeyManagement
internal import PrivacyCore

/// The `pkcs11` provider: an AES-256 key in a token, such as an HSM, that never leaves it. Keys are
/// wrapped with AES-GCM inside the token; the context is its associated data.
///
///     pkcs11:MODULE?token=LABEL&key=LABEL&pin-file=…
///
/// Without `pin-file` the PIN is the variable `TACIT_PKCS11_PIN`. A wrap or unwrap takes as long as
/// the token needs; calls of one process wait for each other.
public struct PKCS11KeyManagementService: KeyManagementService {
  public var providerName: String { "pkcs11" }

  private static let nonceByteCount = 12
  private static let tagByteCount = 16

  private let token: PKCS11Token
  private let random: any RandomSource

  /// Loads the module; the token is looked for with the first key.
  public init(
    _ setting: KeyManagementSetting, environment: ProviderEnvironment
  ) throws(KeyManagementError) {
    try setting.allow("token", "key", "pin-file")
    let pin: SecretSource
    if let path = setting["pin-file"] {
      pin = .file(URL(filePath: path))
    } else if let value = environment.variables["TACIT_PKCS11_PIN"], !value.isEmpty {
      pin = .value(SharedSecret(value))
    } else {
      throw .setting("pkcs11: there is no PIN: set pin-file=… or TACIT_PKCS11_PIN")
    }
    token = try PKCS11Token(
      modulePath: setting.place, tokenLabel: setting.required("token"),
      keyLabel: setting.required("key"), pin: pin)
    random = environment.random
  }

  /// Makes the root key in the token.
  ///
  /// - Throws: ``KeyManagementError/rootKeyUnusable(name:reason:)`` where one of that label is
  ///   there already.
  public func createRootKey() async throws(KeyManagementError) { try await token.createKey() }

  public func wrap(
    _ key: borrowing SecretBytes, context: [String: String]
  ) async throws(KeyManagementError) -> WrappedKey {
    try checkLimits(keyByteCount: key.byteCount, context: context)
    // 96 random bits: two wraps of 2^32 share a nonce with a chance of 2^-33 (NIST SP 800-38D, 8.3).
    let nonce = random.bytes(count: Self.nonceByteCount)
    let sealed = try await token.seal(
      key, nonce: nonce, associatedData: FieldEncoding(context: context).bytes)
    return WrappedKey(
      provider: providerName, rootKeyName: token.name, ciphertext: nonce + sealed)
  }

  public func unwrap(
    _ wrapped: WrappedKey, context: [String: String]
  ) async throws(KeyManagementError) -> SecretBytes {
    guard wrapped.provider == providerName, wrapped.rootKeyName == token.name else {
      throw .otherProvider(
        wrappedBy: "\(wrapped.provider) \(wrapped.rootKeyName)",
        available: "\(providerName) \(token.name)")
    }
    let overhead = Self.nonceByteCount + Self.tagByteCount
    guard (overhead + 1...overhead + WrappedKey.keyByteCountMax).contains(wrapped.ciphertext.count)
    else { throw .refused }
    return try await token.open(
      Array(wrapped.ciphertext.dropFirst(Self.nonceByteCount)),
      nonce: Array(wrapped.ciphertext.prefix(Self.nonceByteCount)),
      associatedData: FieldEncoding(context: context).bytes)
  }
}
