public import Cryptography
public import PrivacyCore

/// A private key that signs notes under a name.
public struct NoteSigner: Sendable {
  /// The public key that verifies what this one signs.
  public let key: NoteKey
  private let signing: SigningKey
  private let keyID: UInt32

  /// The key under a name.
  public init(
    name: String, kind: NoteKey.Kind, key: SigningKey
  ) throws(TransparencyLogError) {
    self.key = try NoteKey(name: name, kind: kind, key: key.publicKey)
    keyID = try self.key.keyID()
    signing = key
  }

  /// The signature of a note's text. The same text and time always give the same signature.
  ///
  /// - Parameter time: when, for a cosignature; other kinds say no time.
  public func sign(_ text: String, at time: Timestamp) throws(TransparencyLogError) -> NoteSignature
  {
    let bytes: [UInt8]
    switch key.kind {
    case .note: bytes = try signature(of: Array(text.utf8))
    case .cosignature:
      guard time.microseconds >= 0 else { throw .malformed("a time before 1970") }
      let seconds = UInt64(time.microseconds) / 1_000_000
      let message = Self.cosignedMessage(text, time: seconds)
      bytes =
        (0..<8).map { UInt8(truncatingIfNeeded: seconds >> UInt64(56 - 8 * $0)) }
        + (try signature(of: message))
    }
    return try NoteSignature(keyName: key.name, keyID: keyID, bytes: bytes)
  }

  private func signature(of message: [UInt8]) throws(TransparencyLogError) -> [UInt8] {
    do throws(CryptographyError) {
      return try signing.sign(message)
    } catch {
      throw .cryptography(error)
    }
  }

  /// What a witness signs: a heading that no note begins with, the time, the note's text.
  static func cosignedMessage(_ text: String, time: UInt64) -> [UInt8] {
    Array("cosignature/v1\ntime \(time)\n\(text)".utf8)
  }

  // MARK: - Text

  private static let textPrefix = "PRIVATE+KEY+"

  /// The private key as text (an skey): a secret, to be kept like one.
  public static func secretText(
    name: String, kind: NoteKey.Kind, seed: borrowing SecretBytes
  ) throws(TransparencyLogError) -> String {
    let signing = try signingKey(seed)
    let number = Hexadecimal.encode(
      NoteKey.bigEndian(
        try NoteKey(name: name, kind: kind, key: signing.publicKey).keyID()))
    let bytes = seed.withUnsafeBytes { [kind.rawValue] + Array($0) }
    return "\(textPrefix)\(name)+\(number)+\(Base64.encode(bytes))"
  }

  /// Reads a private key's text.
  ///
  /// - Throws: `falseKeyID` where the number is not the key's.
  public init(secretText text: String) throws(TransparencyLogError) {
    guard text.utf8.starts(with: Self.textPrefix.utf8) else {
      throw .malformed("the text of a private key")
    }
    let parts = try NoteKey.parts(of: String(text.dropFirst(Self.textPrefix.count)))
    try self.init(
      name: parts.name, kind: parts.kind, key: Self.signingKey(SecretBytes(copying: parts.key)))
    guard keyID == parts.keyID else { throw .falseKeyID(key: parts.name) }
  }

  private static func signingKey(
    _ seed: borrowing SecretBytes
  ) throws(TransparencyLogError) -> SigningKey {
    do throws(CryptographyError) {
      return try SigningKey(seed: seed)
    } catch {
      throw .cryptography(error)
    }
  }
}
