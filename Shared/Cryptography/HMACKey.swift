internal import COpenSSL

/// A key of HMAC-SHA256 (RFC 2104), with its OpenSSL contexts kept: about a quarter microsecond
/// for a short value. Any thread may use it at any time.
public final class HMACKey: Sendable {
  /// The bytes of a code.
  public static let codeByteCount = 32

  private let secret: SecretBytes
  private let pool = unsafe ContextPool { unsafe EVP_MAC_CTX_free($0) }

  /// A key with a copy of `secret`, which must not be empty.
  public init(secret: borrowing SecretBytes) throws(CryptographyError) {
    guard secret.byteCount > 0 else { throw .keyByteCount(expected: 32, actual: 0) }
    self.secret = secret.copy()
  }

  /// The 32-byte code of `bytes`.
  public func authenticate(_ bytes: UnsafeRawBufferPointer) throws(CryptographyError) -> [UInt8] {
    try [UInt8](capacity: Self.codeByteCount) { output throws(CryptographyError) in
      try unsafe output.withUnsafeMutableBufferPointer {
        buffer, initializedCount throws(CryptographyError) in
        try unsafe authenticate(bytes, into: UnsafeMutableRawBufferPointer(buffer))
        initializedCount = Self.codeByteCount
      }
    }
  }

  /// The 32-byte code of `bytes`.
  public func authenticate(_ bytes: [UInt8]) throws(CryptographyError) -> [UInt8] {
    try unsafe bytes.span.withUnsafeBytes { bytes throws(CryptographyError) in
      try unsafe authenticate(bytes)
    }
  }

  /// The code of `bytes` as four big-endian words, without allocating.
  public func authenticateWords(
    _ bytes: [UInt8]
  ) throws(CryptographyError) -> (UInt64, UInt64, UInt64, UInt64) {
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    try unsafe withUnsafeMutableBytes(of: &words) { code throws(CryptographyError) in
      try unsafe bytes.span.withUnsafeBytes { bytes throws(CryptographyError) in
        try unsafe authenticate(bytes, into: code)
      }
    }
    return (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
  }

  /// Writes the 32-byte code of `bytes` to the start of `code`, without allocating.
  public func authenticate(
    _ bytes: UnsafeRawBufferPointer, into code: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) {
    precondition(code.count >= Self.codeByteCount, "a code has 32 bytes")
    try unsafe pool.withContext(orMake: makeContext) { context throws(CryptographyError) in
      // Without a key, init starts over with the one the context has.
      try require(unsafe EVP_MAC_init(context, nil, 0, nil), "EVP_MAC_init")
      try unsafe bytes.withAddress { address throws(CryptographyError) in
        try require(unsafe EVP_MAC_update(context, address, bytes.count), "EVP_MAC_update")
      }
      var byteCount = 0
      let address = unsafe code.baseAddress?.assumingMemoryBound(to: UInt8.self)
      try require(
        unsafe EVP_MAC_final(context, address, &byteCount, Self.codeByteCount), "EVP_MAC_final")
    }
  }

  /// Whether `code` is the code of `bytes`, compared in constant time.
  public func verify(_ code: [UInt8], of bytes: [UInt8]) throws(CryptographyError) -> Bool {
    ConstantTime.areEqual(try authenticate(bytes), code)
  }

  private func makeContext() throws(CryptographyError) -> OpaquePointer {
    guard let context = unsafe EVP_MAC_CTX_new(Algorithm.hmac) else {
      throw .openSSL("EVP_MAC_CTX_new")
    }
    var parameters = unsafe [Parameter.sha256, OSSL_PARAM_construct_end()]
    let answer = unsafe secret.withUnsafeBytes { secret in
      unsafe EVP_MAC_init(
        context, secret.baseAddress?.assumingMemoryBound(to: UInt8.self), secret.count,
        &parameters)
    }
    guard answer == 1 else {
      unsafe EVP_MAC_CTX_free(context)
      throw .openSSL("EVP_MAC_init")
    }
    return unsafe context
  }
}
