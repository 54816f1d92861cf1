internal import PrivacyCore

/// A text with signatures below it (C2SP signed-note). Says nothing until a signature by a known key
/// verifies.
public struct SignedNote: Hashable, Sendable {
  /// The most bytes of a note that is read.
  public static let byteCountMax = 128 << 10
  /// The most signatures of a note that is read. The format asks for at least 16.
  public static let signatureCountMax = 64

  /// The text, with its last newline.
  public let text: String
  /// The signatures, in their order.
  public private(set) var signatures: [NoteSignature]

  /// A note of `text`, which must end with a newline and hold no other control characters.
  public init(text: String, signatures: [NoteSignature] = []) throws(TransparencyLogError) {
    guard text.utf8.last == UInt8(ascii: "\n") else {
      throw .malformed("a note whose text does not end with a newline")
    }
    guard text.utf8.allSatisfy({ $0 >= 0x20 || $0 == UInt8(ascii: "\n") }) else {
      throw .malformed("a note with control characters")
    }
    guard signatures.count <= Self.signatureCountMax else {
      throw .tooLarge(
        "signatures of a note", count: signatures.count, limit: Self.signatureCountMax)
    }
    self.text = text
    self.signatures = signatures
  }

  /// Reads a note with at least one signature.
  public init(encoded bytes: [UInt8]) throws(TransparencyLogError) {
    guard bytes.count <= Self.byteCountMax else {
      throw .tooLarge("bytes of a note", count: bytes.count, limit: Self.byteCountMax)
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw .malformed("a note that is not UTF-8")
    }
    // The text ends where the last empty line begins.
    var split: Int?
    var index = bytes.count - 1
    while index > 0 {
      if bytes[index] == 0x0A, bytes[index - 1] == 0x0A {
        split = index
        break
      }
      index -= 1
    }
    guard let split else { throw .malformed("a note without an empty line before its signatures") }
    guard split + 1 < bytes.count, bytes.last == 0x0A else {
      throw .malformed("a note without signatures, or cut off within one")
    }
    let lines = bytes[(split + 1)..<(bytes.count - 1)].split(
      separator: 0x0A, omittingEmptySubsequences: false)
    guard lines.count <= Self.signatureCountMax else {
      throw .tooLarge("signatures of a note", count: lines.count, limit: Self.signatureCountMax)
    }
    var signatures: [NoteSignature] = []
    for line in lines {
      signatures.append(try NoteSignature(line: String(decoding: line, as: UTF8.self)))
    }
    try self.init(
      text: String(decoding: bytes[..<split], as: UTF8.self), signatures: signatures)
  }

  /// The note as it is sent and kept.
  public var encoded: [UInt8] {
    Array((text + "\n" + signatures.map { $0.line + "\n" }.joined()).utf8)
  }

  /// Adds a signature, in place of one by the same key.
  ///
  /// - Throws: `tooLarge` for one signature too many.
  public mutating func add(_ signature: NoteSignature) throws(TransparencyLogError) {
    let others = signatures.filter { !$0.isByKey(of: signature) }
    guard others.count < Self.signatureCountMax else {
      throw .tooLarge(
        "signatures of a note", count: others.count + 1, limit: Self.signatureCountMax)
    }
    signatures = others + [signature]
  }
}

/// One line below a note: whose signature, and its bytes.
public struct NoteSignature: Hashable, Sendable {
  /// The most bytes behind the key's number: a post-quantum signature fits.
  public static let byteCountMax = 8 << 10

  /// The name of the key.
  public let keyName: String
  /// The key's number: with the name, says which key and which kind of signature.
  public let keyID: UInt32
  /// The signature itself.
  public let bytes: [UInt8]

  /// The signature with these parts.
  public init(keyName: String, keyID: UInt32, bytes: [UInt8]) throws(TransparencyLogError) {
    guard NoteKey.acceptsName(keyName) else { throw .malformed("the name of a note's key") }
    guard !bytes.isEmpty, bytes.count <= Self.byteCountMax else {
      throw .tooLarge("bytes of a signature", count: bytes.count, limit: Self.byteCountMax)
    }
    self.keyName = keyName
    self.keyID = keyID
    self.bytes = bytes
  }

  /// Reads a line, without its newline.
  public init(line: String) throws(TransparencyLogError) {
    let parts = line.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 3, Array(parts[0]) == Array("\u{2014}".utf8),
      let bytes = Base64.decode(Substring(parts[2])), bytes.count > 4
    else { throw .malformed("a signature line of a note") }
    try self.init(
      keyName: String(Substring(parts[1])),
      keyID: bytes[..<4].reduce(0) { $0 << 8 | UInt32($1) }, bytes: Array(bytes[4...]))
  }

  /// The line, without its newline.
  public var line: String {
    "\u{2014} \(keyName) \(Base64.encode(NoteKey.bigEndian(keyID) + bytes))"
  }

  func isByKey(of other: NoteSignature) -> Bool {
    keyID == other.keyID && keyName.hasSameBytes(as: other.keyName)
  }
}

extension String {
  /// Whether both are the same bytes: texts that merely look the same are different names.
  func hasSameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
