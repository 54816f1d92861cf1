internal import CPKCS11
internal import Cryptography
internal import Dispatch
internal import KeyManagement

/// One AES key in a PKCS #11 token, sealed with and opened with inside the token.
@safe final class PKCS11Token: Sendable {
  /// The token's label, as its owner gave it.
  let tokenLabel: String
  /// The key's label.
  let keyLabel: String

  private let pin: SecretSource
  private let path: String
  // Used on the queue alone.
  nonisolated(unsafe) private let module: OpaquePointer

  /// Labels have their place in 32 bytes.
  static let labelByteCountMax = 32

  // Calls into a token wait for a device, and all of one process share the state of being logged
  // in: one at a time, off Swift's own threads.
  private static let queue = DispatchQueue(label: "tacit.pkcs11")

  /// Loads the module at `path`. The module stays loaded; the token is looked for at each call.
  init(
    modulePath path: String, tokenLabel: String, keyLabel: String, pin: SecretSource
  ) throws(KeyManagementError) {
    for label in [tokenLabel, keyLabel] {
      guard (1...Self.labelByteCountMax).contains(label.utf8.count), !label.utf8.contains(0) else {
        throw .setting("pkcs11: a label has 1 to \(Self.labelByteCountMax) bytes")
      }
    }
    (self.tokenLabel, self.keyLabel, self.pin, self.path) = (tokenLabel, keyLabel, pin, path)
    var module: OpaquePointer?
    var failure = unsafe tacit_pkcs11_failure()
    let outcome = Self.queue.sync { unsafe tacit_pkcs11_load(path, &module, &failure) }
    guard outcome == TACIT_PKCS11_DONE, let module = unsafe module else {
      throw unsafe Self.error(
        outcome, failure, name: "\(tokenLabel)/\(keyLabel)", path: path)
    }
    unsafe self.module = module
  }

  /// The name of the key, as wrapped keys have it.
  var name: String { "\(tokenLabel)/\(keyLabel)" }

  /// Ciphertext and tag of `plaintext`.
  func seal(
    _ plaintext: borrowing SecretBytes, nonce: [UInt8], associatedData: [UInt8]
  ) async throws(KeyManagementError) -> [UInt8] {
    let pin = try pin.read()
    let plaintext = Shared(plaintext.copy())
    return try await run { () throws(KeyManagementError) in
      var sealed = [UInt8](
        repeating: 0,
        count: plaintext.secret.byteCount + Int(TACIT_PKCS11_TAG_BYTE_COUNT))
      try unsafe self.call(pin) { place, failure in
        unsafe plaintext.secret.withUnsafeBytes { plaintext in
          unsafe associatedData.withUnsafeBufferPointer { associatedData in
            unsafe tacit_pkcs11_seal(
              self.module, place, nonce, Self.bytes(UnsafeRawBufferPointer(associatedData)),
              Self.bytes(plaintext), &sealed, failure)
          }
        }
      }
      return sealed
    }
  }

  /// The plaintext of ciphertext and tag.
  func open(
    _ sealed: [UInt8], nonce: [UInt8], associatedData: [UInt8]
  ) async throws(KeyManagementError) -> SecretBytes {
    let pin = try pin.read()
    let opened = try await run { () throws(KeyManagementError) in
      // The token asks for room for the tag too.
      Shared(
        try unsafe SecretBytes(byteCount: sealed.count) { room throws(KeyManagementError) in
          try unsafe self.call(pin) { place, failure in
            unsafe sealed.withUnsafeBufferPointer { sealed in
              unsafe associatedData.withUnsafeBufferPointer { associatedData in
                unsafe tacit_pkcs11_open(
                  self.module, place, nonce,
                  Self.bytes(UnsafeRawBufferPointer(associatedData)),
                  Self.bytes(UnsafeRawBufferPointer(sealed)),
                  room.baseAddress?.assumingMemoryBound(to: UInt8.self), failure)
              }
            }
          }
        })
    }
    return unsafe opened.secret.withUnsafeBytes { bytes in
      unsafe SecretBytes(copying: bytes.dropLast(Int(TACIT_PKCS11_TAG_BYTE_COUNT)))
    }
  }

  /// Makes the key in the token; it cannot be read from there.
  func createKey() async throws(KeyManagementError) {
    let pin = try pin.read()
    try await run { () throws(KeyManagementError) in
      try unsafe self.call(pin) { place, failure in
        unsafe tacit_pkcs11_create_key(self.module, place, failure)
      }
    }
  }

  // MARK: - Parts

  /// A secret that crosses to the queue and back.
  private final class Shared: Sendable {
    let secret: SecretBytes

    init(_ secret: consuming SecretBytes) { self.secret = secret }
  }

  private func run<Value: Sendable>(
    _ body: @escaping @Sendable () throws(KeyManagementError) -> Value
  ) async throws(KeyManagementError) -> Value {
    let result: Result<Value, KeyManagementError> = await withCheckedContinuation { waiting in
      Self.queue.async {
        do throws(KeyManagementError) {
          waiting.resume(returning: .success(try body()))
        } catch {
          waiting.resume(returning: .failure(error))
        }
      }
    }
    return try result.get()
  }

  private func call(
    _ pin: String,
    _ body: (
      UnsafePointer<tacit_pkcs11_place>, UnsafeMutablePointer<tacit_pkcs11_failure>
    ) -> tacit_pkcs11_outcome
  ) throws(KeyManagementError) {
    var failure = unsafe tacit_pkcs11_failure()
    let pin = Array(pin.utf8)
    let outcome = unsafe tokenLabel.withCString { token in
      unsafe keyLabel.withCString { key in
        unsafe pin.withUnsafeBufferPointer { pin in
          var place = unsafe tacit_pkcs11_place(
            token_label: token, key_label: key, pin: pin.baseAddress, pin_byte_count: pin.count)
          return unsafe body(&place, &failure)
        }
      }
    }
    guard outcome == TACIT_PKCS11_DONE else {
      throw unsafe Self.error(outcome, failure, name: name, path: path)
    }
  }

  private static func bytes(_ bytes: UnsafeRawBufferPointer) -> tacit_pkcs11_bytes {
    unsafe tacit_pkcs11_bytes(
      bytes: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), byte_count: bytes.count)
  }

  private static func error(
    _ outcome: tacit_pkcs11_outcome, _ failure: tacit_pkcs11_failure, name: String, path: String
  ) -> KeyManagementError {
    let function = unsafe failure.function.map { unsafe String(cString: $0) } ?? "?"
    let code = unsafe "\(function) answered 0x\(String(failure.code, radix: 16))"
    switch outcome {
    case TACIT_PKCS11_NO_MODULE:
      return .setting("pkcs11: \(path) is no PKCS #11 module that can be loaded (\(function))")
    case TACIT_PKCS11_NO_TOKEN:
      return .unavailable(reason: "pkcs11 at \(path): no token has the label of \(name)")
    case TACIT_PKCS11_AMBIGUOUS:
      return .rootKeyUnusable(name: name, reason: "several tokens or keys have its label")
    case TACIT_PKCS11_NO_KEY:
      return .rootKeyUnusable(name: name, reason: "the token holds no AES key of that label")
    case TACIT_PKCS11_EXISTS:
      return .rootKeyUnusable(name: name, reason: "there is a key of that label already")
    case TACIT_PKCS11_PIN:
      return .denied(provider: "pkcs11 at \(path)", reason: "the PIN is not taken: \(code)")
    case TACIT_PKCS11_REFUSED:
      return .refused
    case TACIT_PKCS11_NOT_CAPABLE:
      return .rootKeyUnusable(name: name, reason: "no AES-GCM with it: \(code)")
    default:
      return .unavailable(reason: "pkcs11 at \(path): \(code)")
    }
  }
}
