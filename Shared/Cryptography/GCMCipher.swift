internal import COpenSSL

/// AES-256-GCM (NIST SP 800-38D) with nonces that the caller chooses: two values under one nonce
/// give both away. Everything but ``SealingKey`` uses that one instead.
package final class GCMCipher: Sendable {
  package static let keyByteCount = 32
  package static let nonceByteCount = 12
  package static let tagByteCount = 16
  /// Header and associated data of so many bytes are fed in one call.
  private static let joinedByteCountMax = 600

  private let secret: SecretBytes
  private let pool = unsafe ContextPool { unsafe EVP_CIPHER_CTX_free($0) }

  /// A cipher with a copy of `secret`, which has 32 bytes.
  package init(secret: borrowing SecretBytes) throws(CryptographyError) {
    guard secret.byteCount == Self.keyByteCount else {
      throw .keyByteCount(expected: Self.keyByteCount, actual: secret.byteCount)
    }
    self.secret = secret.copy()
  }

  /// Writes the ciphertext and then the tag to `output`, which has room for both.
  ///
  /// - Parameters:
  ///   - nonce: 12 bytes, never used before with this key.
  ///   - header: authenticated in front of `associatedData`, as if both were one piece.
  package func seal(
    _ plaintext: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer,
    header: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer,
    to output: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) {
    precondition(nonce.count == Self.nonceByteCount, "a nonce has 12 bytes")
    precondition(output.count == plaintext.count + Self.tagByteCount, "ciphertext and tag fit")
    let ciphertext = unsafe output.baseAddress?.assumingMemoryBound(to: UInt8.self)
    try unsafe pool.withContext(orMake: makeContext) { context throws(CryptographyError) in
      let nonce = unsafe nonce.baseAddress?.assumingMemoryBound(to: UInt8.self)
      try require(unsafe EVP_EncryptInit_ex2(context, nil, nil, nonce, nil), "GCM start")
      try unsafe Self.authenticate(context, header, associatedData)
      try unsafe Self.update(context, with: plaintext, to: ciphertext)
      let tag = unsafe ciphertext.map { unsafe $0 + plaintext.count }
      var byteCount: Int32 = 0
      try require(unsafe EVP_EncryptFinal_ex(context, tag, &byteCount), "GCM end")
      try require(
        unsafe EVP_CIPHER_CTX_ctrl(
          context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagByteCount), tag),
        "GCM tag")
    }
  }

  /// Writes the plaintext to `output`, which has its size; overwrites it again when the tag is
  /// wrong, for what GCM decrypts before it has seen the tag must not be seen by anyone.
  ///
  /// - Parameter sealed: ciphertext and tag, at least 16 bytes.
  package func open(
    _ sealed: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer,
    header: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer,
    to output: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) {
    let plaintextByteCount = sealed.count - Self.tagByteCount
    precondition(nonce.count == Self.nonceByteCount, "a nonce has 12 bytes")
    precondition(output.count == plaintextByteCount, "the plaintext fits")
    do throws(CryptographyError) {
      try unsafe pool.withContext(orMake: makeContext) { context throws(CryptographyError) in
        let nonce = unsafe nonce.baseAddress?.assumingMemoryBound(to: UInt8.self)
        try require(unsafe EVP_DecryptInit_ex2(context, nil, nil, nonce, nil), "GCM start")
        // OpenSSL only reads the tag, but its C type asks for a mutable pointer.
        let tag = unsafe UnsafeMutableRawPointer(
          mutating: sealed.baseAddress.map { unsafe $0 + plaintextByteCount })
        try require(
          unsafe EVP_CIPHER_CTX_ctrl(
            context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagByteCount), tag),
          "GCM tag")
        try unsafe Self.authenticate(context, header, associatedData)
        try unsafe Self.update(
          context, with: UnsafeRawBufferPointer(rebasing: sealed[..<plaintextByteCount]),
          to: output.baseAddress?.assumingMemoryBound(to: UInt8.self))
        var nothing: UInt8 = 0
        var byteCount: Int32 = 0
        guard unsafe EVP_DecryptFinal_ex(context, &nothing, &byteCount) == 1 else {
          ERR_clear_error()
          throw .notAuthentic
        }
      }
    } catch {
      unsafe OPENSSL_cleanse(output.baseAddress, output.count)
      throw error
    }
  }

  /// Feeds what is only authenticated. Two short pieces are put together first: a call of OpenSSL
  /// costs more than copying a key.
  private static func authenticate(
    _ context: OpaquePointer, _ header: UnsafeRawBufferPointer,
    _ associatedData: UnsafeRawBufferPointer
  ) throws(CryptographyError) {
    let byteCount = header.count + associatedData.count
    guard byteCount <= joinedByteCountMax else {
      try unsafe update(context, with: header, to: nil)
      try unsafe update(context, with: associatedData, to: nil)
      return
    }
    let outcome: Result<Void, CryptographyError> = unsafe withUnsafeTemporaryAllocation(
      byteCount: byteCount, alignment: 8
    ) { joined in
      unsafe joined.copyMemory(from: header)
      unsafe UnsafeMutableRawBufferPointer(rebasing: joined[header.count...])
        .copyMemory(from: associatedData)
      do throws(CryptographyError) {
        try unsafe update(context, with: UnsafeRawBufferPointer(joined), to: nil)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }

  /// Feeds one piece in the direction that the context was started in; without an output it is
  /// only authenticated.
  private static func update(
    _ context: OpaquePointer, with input: UnsafeRawBufferPointer,
    to output: UnsafeMutablePointer<UInt8>?
  ) throws(CryptographyError) {
    guard input.count > 0 else { return }
    var byteCount: Int32 = 0
    try require(
      unsafe EVP_CipherUpdate(
        context, output, &byteCount, input.baseAddress?.assumingMemoryBound(to: UInt8.self),
        Int32(input.count)),
      "GCM update")
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
      throw .openSSL("GCM key")
    }
    return unsafe context
  }
}
