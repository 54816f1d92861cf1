internal import COpenSSL

/// An Ed25519 private key (RFC 8032). Any thread may sign at any time.
@safe public final class SigningKey: Sendable {
  /// The bytes of a private key, which is its seed.
  public static let seedByteCount = 32

  // The library's object is never changed after init and its reference count is atomic.
  nonisolated(unsafe) private let key: OpaquePointer

  /// What others verify this key's signatures with.
  public let publicKey: VerifyingKey

  /// The key that belongs to a seed of 32 bytes.
  public init(seed: borrowing SecretBytes) throws(CryptographyError) {
    guard seed.byteCount == Self.seedByteCount else {
      throw .keyByteCount(expected: Self.seedByteCount, actual: seed.byteCount)
    }
    let made = unsafe seed.withUnsafeBytes { seed in
      unsafe EVP_PKEY_new_raw_private_key(
        EVP_PKEY_ED25519, nil, seed.baseAddress?.assumingMemoryBound(to: UInt8.self), seed.count)
    }
    guard let made = unsafe made else { throw .openSSL("EVP_PKEY_new_raw_private_key") }
    var bytes = [UInt8](repeating: 0, count: VerifyingKey.byteCount)
    var byteCount = bytes.count
    guard unsafe EVP_PKEY_get_raw_public_key(made, &bytes, &byteCount) == 1 else {
      unsafe EVP_PKEY_free(made)
      throw .openSSL("EVP_PKEY_get_raw_public_key")
    }
    unsafe key = unsafe made
    publicKey = try VerifyingKey(bytes: bytes)
  }

  /// The 64-byte signature of `message`. The same message always gives the same signature.
  public func sign(_ message: [UInt8]) throws(CryptographyError) -> [UInt8] {
    guard let context = unsafe EVP_MD_CTX_new() else { throw .openSSL("EVP_MD_CTX_new") }
    defer { unsafe EVP_MD_CTX_free(context) }
    try require(
      unsafe EVP_DigestSignInit(context, nil, nil, nil, key), "EVP_DigestSignInit")
    var signature = [UInt8](repeating: 0, count: VerifyingKey.signatureByteCount)
    var byteCount = signature.count
    try require(
      unsafe EVP_DigestSign(context, &signature, &byteCount, message, message.count),
      "EVP_DigestSign")
    return signature
  }

  deinit { unsafe EVP_PKEY_free(key) }
}

/// An Ed25519 public key.
public struct VerifyingKey: Hashable, Sendable {
  /// The bytes of a public key.
  public static let byteCount = 32
  /// The bytes of a signature.
  public static let signatureByteCount = 64

  /// The key as RFC 8032 encodes it.
  public let bytes: [UInt8]

  /// The key with these 32 bytes. Bytes that are no point of the curve verify nothing.
  public init(bytes: [UInt8]) throws(CryptographyError) {
    guard bytes.count == Self.byteCount else {
      throw .keyByteCount(expected: Self.byteCount, actual: bytes.count)
    }
    self.bytes = bytes
  }

  /// Whether `signature` is this key's signature of `message`. Anything malformed is not.
  public func verify(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    guard signature.count == Self.signatureByteCount,
      let key = unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count)
    else { return false }
    defer { unsafe EVP_PKEY_free(key) }
    guard let context = unsafe EVP_MD_CTX_new() else { return false }
    defer { unsafe EVP_MD_CTX_free(context) }
    let isValid =
      unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
      && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    if !isValid { ERR_clear_error() }
    return isValid
  }
}
