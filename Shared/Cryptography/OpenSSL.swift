internal import COpenSSL

/// The algorithms, fetched once: an implicit fetch costs more than the hash of a short value.
///
/// OpenSSL counts references to these objects atomically and never changes them, so every thread
/// may use them at once. They live as long as the process.
enum Algorithm {
  nonisolated(unsafe) static let aes256GCM = unsafe EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)
  nonisolated(unsafe) static let sha256 = unsafe EVP_MD_fetch(nil, "SHA256", nil)
  nonisolated(unsafe) static let hmac = unsafe EVP_MAC_fetch(nil, "HMAC", nil)
  nonisolated(unsafe) static let hkdf = unsafe EVP_KDF_fetch(nil, "HKDF", nil)
}

/// Parameters of OpenSSL's algorithms. OpenSSL keeps the address of a name, so the names are
/// static strings (manual pages EVP_KDF-HKDF and EVP_MAC-HMAC): a Swift string lent to
/// `OSSL_PARAM_construct…` would be gone before it is read.
enum Parameter {
  static var sha256: OSSL_PARAM {
    // OpenSSL only reads parameters, but their C type asks for mutable pointers.
    unsafe OSSL_PARAM_construct_utf8_string(
      address("digest"), UnsafeMutablePointer(mutating: address("SHA256")), 0)
  }

  static func bytes(_ name: StaticString, _ bytes: UnsafeRawBufferPointer) -> OSSL_PARAM {
    unsafe OSSL_PARAM_construct_octet_string(
      address(name), UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
  }

  private static func address(_ text: StaticString) -> UnsafePointer<CChar> {
    unsafe UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
  }
}

extension CryptographyError {
  /// The failure of `operation`, with OpenSSL's reason. Empties this thread's error queue.
  static func openSSL(_ operation: String) -> CryptographyError {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0, let reason = unsafe ERR_reason_error_string(code) else {
      return .library(operation: operation, reason: "no reason given")
    }
    return .library(operation: operation, reason: unsafe String(cString: reason))
  }
}

/// Throws the failure of `operation` unless OpenSSL answered 1.
func require(_ answer: Int32, _ operation: StaticString) throws(CryptographyError) {
  if answer != 1 { throw .openSSL("\(operation)") }
}

extension UnsafeRawBufferPointer {
  /// The bytes for a C function that wants their address even when there are none.
  func withAddress<Result, Failure: Error>(
    _ body: (UnsafePointer<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    if let base = baseAddress {
      return try unsafe body(base.assumingMemoryBound(to: UInt8.self))
    }
    var nothing: UInt8 = 0
    return try unsafe body(&nothing)
  }
}
