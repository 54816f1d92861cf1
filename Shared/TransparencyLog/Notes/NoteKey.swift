public import Cryptography
internal import PrivacyCore

/// A public key by which notes are verified, with its name: a vkey of C2SP signed-note.
public struct NoteKey: Hashable, Sendable {
  /// The longest name that is accepted, in bytes.
  public static let nameByteCountMax = 255

  /// What a key signs, and the byte that stands for it in key texts.
  public enum Kind: UInt8, Sendable {
    /// The note's text, as logs do (Ed25519).
    case note = 0x01
    /// The text behind a time, as witnesses do (C2SP tlog-cosignature, Ed25519 `cosignature/v1`).
    case cosignature = 0x04
  }

  /// The key's name: a log's origin, or a witness' address without a scheme.
  public let name: String
  /// What it signs.
  public let kind: Kind
  /// The key.
  public let key: VerifyingKey

  /// A key with its name.
  ///
  /// - Throws: `malformed` for a name with spaces or `+`, an empty or a longer one than
  ///   `nameByteCountMax`.
  public init(name: String, kind: Kind, key: VerifyingKey) throws(TransparencyLogError) {
    guard Self.acceptsName(name) else { throw .malformed("the name of a note's key") }
    self.name = name
    self.kind = kind
    self.key = key
  }

  /// The key's number: the first four bytes of SHA-256(name, newline, kind, key).
  public func keyID() throws(TransparencyLogError) -> UInt32 {
    try Self.keyID(name: name, kind: kind, key: key)
  }

  static func keyID(
    name: String, kind: Kind, key: VerifyingKey
  ) throws(TransparencyLogError) -> UInt32 {
    let digest = try MerkleHash.digest(Array(name.utf8) + [0x0A, kind.rawValue] + key.bytes)
    return digest.bytes[..<4].reduce(0) { $0 << 8 | UInt32($1) }
  }

  // MARK: - Text

  /// The key as text: `name+number+key`, the number in hexadecimal, the key in Base64.
  public func text() throws(TransparencyLogError) -> String {
    let number = Hexadecimal.encode(Self.bigEndian(try keyID()))
    return "\(name)+\(number)+\(Base64.encode([kind.rawValue] + key.bytes))"
  }

  /// Reads a key's text.
  ///
  /// - Throws: `falseKeyID` where the number is not the key's.
  public init(text: String) throws(TransparencyLogError) {
    let parts = try Self.parts(of: text)
    let verifying: VerifyingKey
    do throws(CryptographyError) {
      verifying = try VerifyingKey(bytes: parts.key)
    } catch {
      throw .malformed("the text of a note's key")
    }
    try self.init(name: parts.name, kind: parts.kind, key: verifying)
    guard try keyID() == parts.keyID else { throw .falseKeyID(key: name) }
  }

  /// What the texts of public and private keys have in common.
  static func parts(
    of text: String
  ) throws(TransparencyLogError) -> (name: String, keyID: UInt32, kind: Kind, key: [UInt8]) {
    let failure = TransparencyLogError.malformed("the text of a note's key")
    guard text.utf8.count <= nameByteCountMax + 64 else { throw failure }
    // Base64 has plus signs of its own, a name has none.
    let parts = text.utf8.split(
      separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1].count == 8,
      let number = Hexadecimal.decode(Substring(parts[1])),
      let bytes = Base64.decode(Substring(parts[2])), let first = bytes.first,
      let kind = Kind(rawValue: first), bytes.count == 1 + VerifyingKey.byteCount
    else { throw failure }
    return (
      String(Substring(parts[0])), number.reduce(0) { $0 << 8 | UInt32($1) }, kind,
      Array(bytes.dropFirst())
    )
  }

  static func acceptsName(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= nameByteCountMax
      && name.unicodeScalars.allSatisfy {
        !$0.properties.isWhitespace && $0 != "+" && $0.value >= 0x20 && $0.value != 0x7F
      }
  }

  static func bigEndian(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(24 - 8 * $0)) }
  }

  // MARK: - Verifying

  /// Whether a signature says that it is by this key.
  public func claims(_ signature: NoteSignature) throws(TransparencyLogError) -> Bool {
    try signature.keyID == keyID() && name.hasSameBytes(as: signature.keyName)
  }

  /// Verifies this key's signature on a note; for a cosignature, answers its time in seconds since
  /// the epoch.
  ///
  /// - Throws: `falseSignature`.
  @discardableResult
  public func verify(
    _ signature: NoteSignature, on text: String
  ) throws(TransparencyLogError) -> UInt64? {
    switch kind {
    case .note:
      guard key.verify(signature.bytes, of: Array(text.utf8)) else {
        throw .falseSignature(key: name)
      }
      return nil
    case .cosignature:
      guard signature.bytes.count == 8 + VerifyingKey.signatureByteCount else {
        throw .falseSignature(key: name)
      }
      let time = signature.bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
      guard time <= UInt64(Int64.max),
        key.verify(
          Array(signature.bytes[8...]), of: NoteSigner.cosignedMessage(text, time: time))
      else { throw .falseSignature(key: name) }
      return time
    }
  }
}
