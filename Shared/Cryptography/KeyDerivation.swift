internal import COpenSSL

/// Makes keys from other secrets.
public enum KeyDerivation {
  /// The most bytes that HKDF-SHA256 gives: 255 digests (RFC 5869, section 2.3).
  public static let hkdfByteCountMax = 255 * 32

  /// HKDF-SHA256 (RFC 5869), extract and expand. Costs about 2.5 µs: derive once and keep the key.
  ///
  /// - Parameters:
  ///   - salt: may be empty when `secret` is uniformly random already.
  ///   - info: what the key is for; another info gives an unrelated key.
  ///   - byteCount: how many bytes to derive, in 1...``hkdfByteCountMax``.
  public static func hkdfSHA256(
    secret: borrowing SecretBytes, salt: [UInt8], info: [UInt8], byteCount: Int
  ) throws(CryptographyError) -> SecretBytes {
    guard secret.byteCount > 0 else { throw .keyByteCount(expected: 32, actual: 0) }
    guard (1...hkdfByteCountMax).contains(byteCount) else {
      throw .parameterOutOfRange("HKDF gives 1 to \(hkdfByteCountMax) bytes, not \(byteCount)")
    }
    guard let context = unsafe EVP_KDF_CTX_new(Algorithm.hkdf) else {
      throw .openSSL("EVP_KDF_CTX_new")
    }
    defer { unsafe EVP_KDF_CTX_free(context) }
    return try unsafe SecretBytes(byteCount: byteCount) { output throws(CryptographyError) in
      let answer = unsafe secret.withUnsafeBytes { secret in
        unsafe salt.withUnsafeBytes { salt in
          unsafe info.withUnsafeBytes { info in
            var parameters = unsafe [
              Parameter.sha256, Parameter.bytes("key", secret), Parameter.bytes("salt", salt),
              Parameter.bytes("info", info), OSSL_PARAM_construct_end(),
            ]
            return unsafe EVP_KDF_derive(
              context, output.baseAddress?.assumingMemoryBound(to: UInt8.self), output.count,
              &parameters)
          }
        }
      }
      try require(answer, "HKDF")
    }
  }

  /// scrypt (RFC 7914): a key from a passphrase, at a cost that slows down guessing.
  ///
  /// - Parameter byteCount: how many bytes to derive, in 1...64.
  public static func scrypt(
    passphrase: borrowing SecretBytes, salt: [UInt8], cost: ScryptCost, byteCount: Int
  ) throws(CryptographyError) -> SecretBytes {
    guard (1...64).contains(byteCount) else {
      throw .parameterOutOfRange("scrypt gives 1 to 64 bytes, not \(byteCount)")
    }
    return try unsafe SecretBytes(byteCount: byteCount) { output throws(CryptographyError) in
      let answer = unsafe passphrase.withUnsafeBytes { passphrase in
        unsafe passphrase.withAddress { address in
          unsafe address.withMemoryRebound(to: CChar.self, capacity: passphrase.count) { address in
            unsafe EVP_PBE_scrypt(
              address, passphrase.count, salt, salt.count, UInt64(1) << cost.workLog2,
              UInt64(cost.blockSize), UInt64(cost.parallelism),
              UInt64(ScryptCost.memoryByteCountMax) * 2,
              output.baseAddress?.assumingMemoryBound(to: UInt8.self), output.count)
          }
        }
      }
      try require(answer, "scrypt")
    }
  }
}
