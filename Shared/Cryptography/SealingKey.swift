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
  public static let keyByteCount = GCMCipher.keyByteCount
  /// How much longer a sealed value is than its plaintext.
  public static let overheadByteCount = bodyStart + GCMCipher.tagByteCount
  /// The longest plaintext, and the longest associated data. Larger things are sealed in pieces.
  public static let plaintextByteCountMax = 64 << 20

  private static let format: UInt8 = 1
  fileprivate static let nonceStart = 5
  fileprivate static let bodyStart = nonceStart + GCMCipher.nonceByteCount

  /// Stands in front of every value that this key sealed.
  public let id: KeyID

  private let cipher: GCMCipher
  private let noncePrefix: UInt32
  private let nonceCounter: Atomic<UInt64>

  /// A key with a copy of `secret`.
  ///
  /// - Parameters:
  ///   - secret: 32 bytes.
  ///   - random: where the nonces begin. A repeatable source may serve one instance of a key only.
  public init(
    id: KeyID, secret: borrowing SecretBytes, random: any RandomSource = SystemRandom()
  ) throws(CryptographyError) {
    self.id = id
    cipher = try GCMCipher(secret: secret)
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
    let counter = nonceCounter.wrappingAdd(1, ordering: .relaxed).oldValue
    unsafe output.storeBytes(of: Self.format, as: UInt8.self)
    unsafe output.storeBytes(of: id.rawValue.bigEndian, toByteOffset: 1, as: UInt32.self)
    unsafe output.storeBytes(of: noncePrefix, toByteOffset: 5, as: UInt32.self)
    unsafe output.storeBytes(of: counter, toByteOffset: 9, as: UInt64.self)
    let parts = unsafe Parts(UnsafeRawBufferPointer(output))
    try unsafe cipher.seal(
      plaintext, nonce: parts.nonce, header: parts.header, associatedData: associatedData,
      to: UnsafeMutableRawBufferPointer(rebasing: output[Self.bodyStart...]))
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
    let byteCount = try unsafe checkedPlaintextByteCount(of: sealed, associatedData: associatedData)
    return try [UInt8](capacity: byteCount) { output throws(CryptographyError) in
      try unsafe output.withUnsafeMutableBufferPointer {
        buffer, initializedCount throws(CryptographyError) in
        try unsafe read(
          sealed, associatedData: associatedData,
          to: UnsafeMutableRawBufferPointer(
            UnsafeMutableBufferPointer(rebasing: buffer[..<byteCount])))
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

  // MARK: - Secrets

  /// `secret`, sealed: how a key is kept under another key.
  public func seal(
    _ secret: borrowing SecretBytes, associatedData: [UInt8]
  ) throws(CryptographyError) -> [UInt8] {
    var sealed: [UInt8] = []
    try unsafe secret.withUnsafeBytes { secret throws(CryptographyError) in
      try unsafe associatedData.span.withUnsafeBytes { associatedData throws(CryptographyError) in
        try unsafe seal(secret, associatedData: associatedData, into: &sealed)
      }
    }
    return sealed
  }

  /// The secret that was sealed; it never lies in an array on the way.
  ///
  /// - Throws: as ``open(_:associatedData:)-(UnsafeRawBufferPointer,_)`` does.
  public func openSecret(
    _ sealed: [UInt8], associatedData: [UInt8]
  ) throws(CryptographyError) -> SecretBytes {
    try unsafe sealed.span.withUnsafeBytes { sealed throws(CryptographyError) in
      try unsafe associatedData.span.withUnsafeBytes { associatedData throws(CryptographyError) in
        let byteCount = try unsafe checkedPlaintextByteCount(
          of: sealed, associatedData: associatedData)
        return try unsafe SecretBytes(byteCount: byteCount) { output throws(CryptographyError) in
          try unsafe read(sealed, associatedData: associatedData, to: output)
        }
      }
    }
  }

  // MARK: - Parts

  private func checkedPlaintextByteCount(
    of sealed: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer
  ) throws(CryptographyError) -> Int {
    let sealedUnder = try unsafe Self.keyID(of: sealed)
    guard sealedUnder == id else { throw .otherKey(sealedUnder: sealedUnder, openedWith: id) }
    try unsafe Self.checkLimit(associatedData)
    let byteCount = sealed.count - Self.overheadByteCount
    guard byteCount <= Self.plaintextByteCountMax else {
      throw .tooLong(byteCount: byteCount, byteCountMax: Self.plaintextByteCountMax)
    }
    return byteCount
  }

  private func read(
    _ sealed: UnsafeRawBufferPointer, associatedData: UnsafeRawBufferPointer,
    to plaintext: UnsafeMutableRawBufferPointer
  ) throws(CryptographyError) {
    let parts = unsafe Parts(sealed)
    try unsafe cipher.open(
      parts.body, nonce: parts.nonce, header: parts.header, associatedData: associatedData,
      to: plaintext)
  }

  private static func checkLimit(_ bytes: UnsafeRawBufferPointer) throws(CryptographyError) {
    guard bytes.count <= plaintextByteCountMax else {
      throw .tooLong(byteCount: bytes.count, byteCountMax: plaintextByteCountMax)
    }
  }
}

/// Where the parts of a sealed value of at least `SealingKey.overheadByteCount` bytes lie.
@unsafe private struct Parts {
  let header: UnsafeRawBufferPointer
  let nonce: UnsafeRawBufferPointer
  let body: UnsafeRawBufferPointer

  init(_ sealed: UnsafeRawBufferPointer) {
    unsafe header = UnsafeRawBufferPointer(rebasing: sealed[..<SealingKey.nonceStart])
    unsafe nonce = UnsafeRawBufferPointer(
      rebasing: sealed[SealingKey.nonceStart..<SealingKey.bodyStart])
    unsafe body = UnsafeRawBufferPointer(rebasing: sealed[SealingKey.bodyStart...])
  }
}
