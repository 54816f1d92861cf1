package import Cryptography

/// Wraps keys of one service that do not hang from its key-encryption key and lie in files of their
/// own.
package struct KeyWrapper: Sendable {
  /// Whose keys they are.
  package let service: String
  private let kms: any KeyManagementService

  package init(service: String, kms: any KeyManagementService) {
    self.service = service
    self.kms = kms
  }

  /// Wraps a key. One call of the key management service.
  ///
  /// - Parameters:
  ///   - purpose: what for; other than `key-encryption-key`.
  ///   - number: which of the purpose's keys it is. Both are bound to the wrapped key, and so is
  /// the
  ///     service.
  package func wrap(
    _ key: borrowing SecretBytes, purpose: String, number: UInt64
  ) async throws(KeyManagementError) -> WrappedKey {
    try await kms.wrap(key, context: context(purpose, number))
  }

  /// The key that was wrapped.
  package func unwrap(
    _ wrapped: WrappedKey, purpose: String, number: UInt64
  ) async throws(KeyManagementError) -> SecretBytes {
    try await kms.unwrap(wrapped, context: context(purpose, number))
  }

  private func context(_ purpose: String, _ number: UInt64) -> [String: String] {
    ["tacit:service": service, "tacit:purpose": purpose, "tacit:number": String(number)]
  }
}
