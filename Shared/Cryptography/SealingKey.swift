internal import COpenSSL
public import PrivacyCore
internal import Synchronization

/// A key of AES-256-GCM (NIST SP 800-38D) that seals and opens values. It keeps its OpenSSL
/// contexts with their key schedules; any thread may use it at any time.
///
/// A sealed value reads
///
///     format (1) | key id (4, big-endian) | nonce (12) | ciphertext | tag (16)
///
/// Format and key id are authenticated together with the associated data.
///
/// **Nonces do not repeat.** A nonce is a 32-bit prefix and a 64-bit counter. Each instance draws
/// both at random and counts up from there, modulo 2^64, once a value, across all threads. Within
/// an instance a nonce would come again after 2^64 values, which no process lives to see. Two
/// instances that seal a and b values only share a nonce when they drew the same prefix and their
/// stretches of the counter meet: a chance of at most (a + b) / 2^96. Over all pairs of S
/// instances (process starts) that seal M values in total under one key, the chance of any repeat
/// is at most **S · M / 2^96**. For 65,536 starts and 2^40 values that is 2^-40; it stays within
/// the 2^-32 that SP 800-38D (section 8) asks for up to a million starts and 17 trillion (2^44)
/// values, past which the key is to be rotated. One thing breaks the argument: a copy of a running
/// process, such as a machine resumed twice from one snapshot.
public final class SealingKey: Sendable {
  /// The bytes of a key.
  public static let keyByteCount = 32
  /// How much longer a sealed value is than its plaintext.
  public static let overheadByteCount = headerByteCount + nonceByteCount + tagByteCount
  /// The longest plaintext, and the longest associated data. Larger things are sealed in pieces.
  public static let plaintextByteCountMax = 64 << 20

  static let format: UInt8 = 1
  static let headerByteCount = 5
  static let nonceByteCount = 12
  static let tagByteCount = 16

  /// Stands in front of every value that this key sealed.
  public let id: KeyID

  private let secret: SecretBytes
  private let noncePrefix: UInt32
  private let nonceCounter: Atomic<UInt64>
  private let pool = unsafe ContextPool { unsafe EVP_CIPHER_CTX_free($0) }

  /// A key with a copy of `secret`.
  ///
  /// - Parameters:
  ///   - secret: 32 bytes.
  ///   - random: where the nonces begin. A repeatable source may serve one instance of a key only.
  public init(
    id: KeyID, secret: borrowing SecretBytes, random: any RandomSource = SystemRandom()
  ) throws(CryptographyError) {
    guard secret.byteCount == Self.keyByteCount else {
      throw .keyByteCount(expected: Self.keyByteCount, actual: secret.byteCount)
    }
    self.id = id
    self.secret = secret.copy()
    noncePrefix = UInt32(truncatingIfNeeded: random.word())
    nonceCounter = Atomic(random.word())
  }

  /// The id of the key that `sealed` was sealed under. Unverified until the value is opened.
  public static func keyID(of sealed: UnsafeRawBufferPointer) throws(CryptographyError) -> KeyID {
    guard sealed.count >= overheadByteCount else { throw .truncated(byteCount: sealed.count) }
    guard unsafe sealed[0] == format else { throw unsafe .unsupportedFormat(sealed[0]) }
    return KeyID(
      rawValue: unsafe UInt32(
        bigEndian: sealed.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
  }

  // MARK: - Seal

  /// Appends `plaintext`, sealed, to `sealed`: ``overheadByteCount`` bytes more than it has.
  ///
  /// - Parameter associatedData: where the value belongs (table and key, for instance). It is not
  ///   stored; the same bytes must be given to open the value.
  /// - Throws: after a failure `sealed` is as it was.
  public func seal(
    _ plaintext: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer,
    into sealed: inout [UInt8]
  ) throws(CryptographyError) {
    try unsafe Self.checkLimit(plaintext)
    try unsafe Self.checkLimit(associatedData)
    let byteCount = plaintext.count + Self.overheadByteCount
    try sealed.append(addingCapacity: byteCount) { output throws(CryptographyError) in
      try unsafe output.withUnsafeMutableBufferPointer {
        buffer, initializedCount throws(CryptographyError) in
        try unsafe write(
          plaintext, associatedData: associatedData, to: UnsafeMutableRawBufferPointer(buffer))
        initializedCount = byteCount
      }
    }
  }

  /// `plaintext`, sealed.
  public func seal(_ plaintext: [UInt8], associatedData: [UInt8] = []) throws(CryptographyError)
    -> [UInt8]
  {
    var sealed: [UInt8] = []
    try unsafe plaintext.span.withUnsafeBytes { plaintext throws(CryptographyError) in
      try unsafe associatedData.span.withUnsafeBytes { associatedData throws(CryptographyError) in
        try unsafe seal(plaintext, associatedData: associatedData, into: &sealed)
      }
    }
    return sealed
  }

  private func write(
    _ plaintext: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer,
    to output: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) {
    guard let start = unsafe output.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
      preconditionFailure("a sealed value has at least its overhead")
    }
    let counter = nonceCounter.wrappingAdd(1, ordering: .relaxed).oldValue
    unsafe output.storeBytes(of: Self.format, toByteOffset: 0, as: UInt8.self)
    unsafe output.storeBytes(of: id.rawValue.bigEndian, toByteOffset: 1, as: UInt32.self)
    unsafe output.storeBytes(of: noncePrefix, toByteOffset: 5, as: UInt32.self)
    unsafe output.storeBytes(of: counter, toByteOffset: 9, as: UInt64.self)
    let nonce = unsafe start + Self.headerByteCount
    let ciphertext = unsafe nonce + Self.nonceByteCount

    try unsafe pool.withContext(orMake: makeContext) { context throws(CryptographyError) in
      var byteCount: Int32 = 0
      try require(
        unsafe EVP_EncryptInit_ex2(context, nil, nil, nonce, nil), "EVP_EncryptInit_ex2")
      try require(
        unsafe EVP_EncryptUpdate(context, nil, &byteCount, start, Int32(Self.headerByteCount)),
        "EVP_EncryptUpdate")
      if associatedData.count > 0 {
        try unsafe associatedData.withAddress { address throws(CryptographyError) in
          try require(
            unsafe EVP_EncryptUpdate(
              context, nil, &byteCount, address, Int32(associatedData.count)),
            "EVP_EncryptUpdate")
        }
      }
      if plaintext.count > 0 {
        try unsafe plaintext.withAddress { address throws(CryptographyError) in
          try require(
            unsafe EVP_EncryptUpdate(
              context, ciphertext, &byteCount, address, Int32(plaintext.count)),
            "EVP_EncryptUpdate")
        }
      }
      let tag = unsafe ciphertext + plaintext.count
      try require(unsafe EVP_EncryptFinal_ex(context, tag, &byteCount), "EVP_EncryptFinal_ex")
      try require(
        unsafe EVP_CIPHER_CTX_ctrl(
          context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagByteCount), tag),
        "EVP_CTRL_AEAD_GET_TAG")
    }
  }

  // MARK: - Open

  /// The plaintext of `sealed`.
  ///
  /// - Throws: ``CryptographyError/notAuthentic`` when a byte was changed or the associated data
  ///   is another; ``CryptographyError/otherKey(sealedUnder:openedWith:)`` for a value of another
  ///   key; nothing of the plaintext is given out then.
  public func open(
    _ sealed: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer
  ) throws(CryptographyError) -> [UInt8] {
    let sealedUnder = try unsafe Self.keyID(of: sealed)
    guard sealedUnder == id else { throw .otherKey(sealedUnder: sealedUnder, openedWith: id) }
    try unsafe Self.checkLimit(associatedData)
    let byteCount = sealed.count - Self.overheadByteCount
    guard byteCount <= Self.plaintextByteCountMax else {
      throw .tooLong(byteCount: byteCount, byteCountMax: Self.plaintextByteCountMax)
    }
    return try [UInt8](capacity: byteCount) { output throws(CryptographyError) in
      try unsafe output.withUnsafeMutableBufferPointer {
        buffer, initializedCount throws(CryptographyError) in
        do throws(CryptographyError) {
          try unsafe read(sealed, associatedData: associatedData, to: buffer)
        } catch {
          // What GCM decrypts before it has seen the tag must not be seen by anyone.
          unsafe OPENSSL_cleanse(buffer.baseAddress, byteCount)
          throw error
        }
        initializedCount = byteCount
      }
    }
  }

  /// The plaintext of `sealed`.
  public func open(_ sealed: [UInt8], associatedData: [UInt8] = []) throws(CryptographyError)
    -> [UInt8]
  {
    try unsafe sealed.span.withUnsafeBytes { sealed throws(CryptographyError) in
      try unsafe associatedData.span.withUnsafeBytes { associatedData throws(CryptographyError) in
        try unsafe open(sealed, associatedData: associatedData)
      }
    }
  }

  private func read(
    _ sealed: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer,
    to plaintext: UnsafeMutableBufferPointer<UInt8>
  ) throws(CryptographyError) {
    guard let start = unsafe sealed.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
      throw .truncated(byteCount: 0)
    }
    let nonce = unsafe start + Self.headerByteCount
    let ciphertext = unsafe nonce + Self.nonceByteCount
    let ciphertextByteCount = sealed.count - Self.overheadByteCount
    let tag = unsafe ciphertext + ciphertextByteCount

    try unsafe pool.withContext(orMake: makeContext) { context throws(CryptographyError) in
      var byteCount: Int32 = 0
      try require(
        unsafe EVP_DecryptInit_ex2(context, nil, nil, nonce, nil), "EVP_DecryptInit_ex2")
      try require(
        unsafe EVP_CIPHER_CTX_ctrl(
          context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagByteCount),
          UnsafeMutablePointer(mutating: tag)),
        "EVP_CTRL_AEAD_SET_TAG")
      try require(
        unsafe EVP_DecryptUpdate(context, nil, &byteCount, start, Int32(Self.headerByteCount)),
        "EVP_DecryptUpdate")
      if associatedData.count > 0 {
        try unsafe associatedData.withAddress { address throws(CryptographyError) in
          try require(
            unsafe EVP_DecryptUpdate(
              context, nil, &byteCount, address, Int32(associatedData.count)),
            "EVP_DecryptUpdate")
        }
      }
      if ciphertextByteCount > 0 {
        try require(
          unsafe EVP_DecryptUpdate(
            context, plaintext.baseAddress, &byteCount, ciphertext, Int32(ciphertextByteCount)),
          "EVP_DecryptUpdate")
      }
      var rest: UInt8 = 0
      guard unsafe EVP_DecryptFinal_ex(context, &rest, &byteCount) == 1 else {
        ERR_clear_error()
        throw .notAuthentic
      }
    }
  }

  // MARK: - Parts

  private static func checkLimit(_ bytes: UnsafeRawBufferPointer) throws(CryptographyError) {
    guard bytes.count <= plaintextByteCountMax else {
      throw .tooLong(byteCount: bytes.count, byteCountMax: plaintextByteCountMax)
    }
  }

  /// A context with the key schedule; it serves both directions, each call brings its nonce.
  private func makeContext() throws(CryptographyError) -> OpaquePointer {
    guard let context = unsafe EVP_CIPHER_CTX_new() else { throw .openSSL("EVP_CIPHER_CTX_new") }
    let answer = unsafe secret.withUnsafeBytes { secret in
      unsafe EVP_EncryptInit_ex2(
        context, Algorithm.aes256GCM, secret.baseAddress?.assumingMemoryBound(to: UInt8.self),
        nil, nil)
    }
    guard answer == 1 else {
      unsafe EVP_CIPHER_CTX_free(context)
      throw .openSSL("EVP_EncryptInit_ex2")
    }
    return unsafe context
  }
}
