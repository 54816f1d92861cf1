internal import COpenSSL

/// One-way digests of whole values.
public enum Digest {
  /// The bytes of a SHA-256 digest.
  public static let sha256ByteCount = 32

  /// SHA-256 (FIPS 180-4) of `bytes`: 32 bytes.
  public static func sha256(_ bytes: UnsafeRawBufferPointer) throws(CryptographyError) -> [UInt8] {
    try [UInt8](capacity: sha256ByteCount) { output throws(CryptographyError) in
      try unsafe output.withUnsafeMutableBufferPointer {
        buffer, initializedCount throws(CryptographyError) in
        try require(
          unsafe EVP_Digest(
            bytes.baseAddress, bytes.count, buffer.baseAddress, nil, Algorithm.sha256, nil),
          "SHA-256")
        initializedCount = sha256ByteCount
      }
    }
  }

  /// SHA-256 (FIPS 180-4) of `bytes`: 32 bytes.
  public static func sha256(_ bytes: [UInt8]) throws(CryptographyError) -> [UInt8] {
    try unsafe bytes.span.withUnsafeBytes { bytes throws(CryptographyError) in
      try unsafe sha256(bytes)
    }
  }
}

/// A SHA-256 digest of bytes that arrive piece by piece.
@safe public struct SHA256: ~Copyable {
  private let context: OpaquePointer

  /// The digest of nothing yet.
  public init() throws(CryptographyError) {
    guard let context = unsafe EVP_MD_CTX_new() else { throw .openSSL("EVP_MD_CTX_new") }
    guard unsafe EVP_DigestInit_ex2(context, Algorithm.sha256, nil) == 1 else {
      unsafe EVP_MD_CTX_free(context)
      throw .openSSL("EVP_DigestInit_ex2")
    }
    unsafe self.context = unsafe context
  }

  /// Adds `bytes` behind what came before.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) throws(CryptographyError) {
    try require(
      unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count), "EVP_DigestUpdate")
  }

  /// Adds `bytes` behind what came before.
  public mutating func update(_ bytes: [UInt8]) throws(CryptographyError) {
    let context = unsafe context
    let answer = unsafe bytes.withUnsafeBytes {
      unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count)
    }
    try require(answer, "EVP_DigestUpdate")
  }

  /// The 32 bytes of the digest.
  public consuming func finalize() throws(CryptographyError) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Digest.sha256ByteCount)
    try require(unsafe EVP_DigestFinal_ex(context, &digest, nil), "EVP_DigestFinal_ex")
    return digest
  }

  deinit { unsafe EVP_MD_CTX_free(context) }
}
