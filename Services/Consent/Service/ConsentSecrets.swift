internal import Cryptography
package import KeyManagement
internal import PrivacyCore

/// The secrets of the consent service beside those of its store.
package struct ConsentSecrets: Sendable {
  private let token: @Sendable () throws -> SecretBytes
  private let webhook: @Sendable (String) throws -> SecretBytes

  /// The secrets in the service's tree of keys.
  package init(_ keys: ServiceKeys) {
    // Systems outside come up at any time, each with a secret of its own.
    keys.expectFurtherSecrets(purpose: "webhook")
    token = { try keys.secret(purpose: "consent-token") }
    webhook = { try keys.secret(purpose: "webhook", domain: $0) }
  }

  /// Secrets that follow from one, for a service without a tree of keys: tests and simulations.
  package init(seed: [UInt8]) {
    let derive: @Sendable (String) throws -> SecretBytes = { name in
      try KeyDerivation.hkdfSHA256(
        secret: SecretBytes(copying: seed), salt: [], info: Array(name.utf8), byteCount: 32)
    }
    token = { try derive("token") }
    webhook = { try derive("webhook " + $0) }
  }

  /// The tokens of the log with this epoch.
  func tokens(epoch: UInt64) throws -> ConsentTokens {
    try ConsentTokens(epoch: epoch, secret: token())
  }

  /// The bytes of the key that signs what the system `id` gets.
  func webhookKey(_ id: String) throws -> [UInt8] {
    try webhook(id).withUnsafeBytes { Array($0) }
  }

  /// The key that signs what the system `id` gets.
  func webhookSigningKey(_ id: String) throws -> HMACKey { try HMACKey(secret: webhook(id)) }
}
