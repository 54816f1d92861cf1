/// Canonical e-mail addresses.
package enum EmailAddress {
  /// The most bytes before the @ (RFC 5321, section 4.5.3.1.1).
  package static let localPartByteCountMax = 64
  /// The most bytes of an address (RFC 5321, section 4.5.3.1.3, less the angle brackets).
  package static let byteCountMax = 254

  /// The canonical form in `email/v1`, the long way, for any address.
  package static func generalVersion1(_ text: String) throws(IdentifierRefusal) -> [UInt8] {
    try version1(folded(text, composing: true))
  }

  /// The canonical form of an address, UTF-8.
  package static func canonical(
    _ text: String, profile: CanonicalProfile
  ) throws(IdentifierRefusal) -> [UInt8] {
    switch profile {
    case .emailSeed:
      guard !text.isEmpty else { throw .empty }
      return Array(UnicodeText.lowercased(text).utf8)
    case .emailUID2:
      return try uid2(folded(text, composing: false))
    default:
      if let plain = plain(text) { return plain }
      return try generalVersion1(text)
    }
  }

  // MARK: - email/v1

  /// NFC and lower case were done; what is left is the shape of RFC 5321 with RFC 6531 (no address
  /// literals, no comments) and the domain's A-labels. A quoted local part stays as it is written:
  /// `"ann"@` and `ann@` are two addresses, as some systems take them for two people.
  private static func version1(_ bytes: [UInt8]) throws(IdentifierRefusal) -> [UInt8] {
    let at: Int
    if bytes.first == quote {
      at = try indexBehindQuoted(bytes)
    } else {
      at = try indexOfAt(bytes)
      try requireLocalPart(bytes[..<at])
    }
    let domain = try EmailDomain.canonical(bytes[(at + 1)...])
    let address = bytes[...at] + domain
    guard address.count <= byteCountMax else { throw .emailTooLong }
    return Array(address)
  }

  private static let quote = UInt8(ascii: "\"")

  /// Where the @ behind a quoted local part is: `Quoted-string` of RFC 5321, section 4.1.2, which
  /// holds spaces and every printable character, quotes and backslashes behind a backslash.
  private static func indexBehindQuoted(_ bytes: [UInt8]) throws(IdentifierRefusal) -> Int {
    var index = 1
    while index < bytes.count, bytes[index] != quote {
      if bytes[index] == UInt8(ascii: "\\") {
        index += 1
        // A backslash quotes one ASCII character.
        guard index < bytes.count, bytes[index] < 0x80 else { throw .emailLocalPartCharacter }
      }
      index += 1
    }
    guard index < bytes.count else { throw .emailLocalPartCharacter }
    let at = index + 1
    guard at < bytes.count - 1, bytes[at] == UInt8(ascii: "@"),
      !bytes[(at + 1)...].contains(UInt8(ascii: "@"))
    else { throw .emailWithoutAt }
    guard at <= localPartByteCountMax else { throw .emailLocalPartTooLong }
    return at
  }

  private static func requireLocalPart(_ local: ArraySlice<UInt8>) throws(IdentifierRefusal) {
    guard local.count <= localPartByteCountMax else { throw .emailLocalPartTooLong }
    var previous = UInt8(ascii: ".")
    for character in local {
      if character == UInt8(ascii: "."), previous == character { throw .emailLocalPartDots }
      guard character == UInt8(ascii: ".") || character >= 0x80 || isAtomText[Int(character)] else {
        throw .emailLocalPartCharacter
      }
      previous = character
    }
    if previous == UInt8(ascii: ".") { throw .emailLocalPartDots }
  }

  /// `atext` of RFC 5322, section 3.2.3.
  static let isAtomText: [Bool] = {
    var table = [Bool](repeating: false, count: 128)
    for character in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".utf8 {
      table[Int(character)] = true
    }
    for character in "!#$%&'*+-/=?^_`{|}~".utf8 { table[Int(character)] = true }
    return table
  }()

  // MARK: - email/uid2

  /// Gmail ignores dots and what follows a plus sign; elsewhere both may matter.
  private static func uid2(_ bytes: [UInt8]) throws(IdentifierRefusal) -> [UInt8] {
    let at = try indexOfAt(bytes)
    guard bytes.count <= byteCountMax else { throw .emailTooLong }
    guard bytes[(at + 1)...].elementsEqual("gmail.com".utf8) else { return bytes }
    let local = bytes[..<at].prefix { $0 != UInt8(ascii: "+") }.filter { $0 != UInt8(ascii: ".") }
    guard !local.isEmpty else { throw .emailWithoutAt }
    return local + bytes[at...]
  }

  // MARK: - Parts

  /// Trimmed, checked for what cannot be seen, lower-case.
  private static func folded(
    _ text: String, composing: Bool
  ) throws(IdentifierRefusal) -> [UInt8] {
    if let ascii = try foldedASCII(text, keepsSpaces: composing) { return ascii }
    let trimmed = String(UnicodeText.trimmed(text))
    // In a quoted local part there may be spaces; one in the domain is refused there.
    let keepsSpaces = composing && trimmed.utf8.first == quote
    try UnicodeText.requireVisible(keepsSpaces ? trimmed.filter { $0 != " " } : trimmed)
    guard composing else { return Array(UnicodeText.lowercased(trimmed).utf8) }
    // A mapping to lower case may leave what NFC would write otherwise.
    let lower = UnicodeText.lowercased(UnicodeText.composed(trimmed))
    return Array(UnicodeText.composed(lower).utf8)
  }

  /// The same for a text that is all ASCII; `nil` for any other.
  private static func foldedASCII(
    _ text: String, keepsSpaces: Bool
  ) throws(IdentifierRefusal) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    for character in text.utf8 {
      guard character < 0x80 else { return nil }
      bytes.append(character &- 0x41 < 26 ? character | 0x20 : character)
    }
    while let last = bytes.last, isSpace(last) { bytes.removeLast() }
    if let first = bytes.first, isSpace(first) {
      bytes.removeFirst(bytes.prefix(while: isSpace).count)
    }
    let lowest: UInt8 = keepsSpaces && bytes.first == quote ? 0x20 : 0x21
    for character in bytes where character < lowest || character == 0x7F {
      throw .invisibleCharacter
    }
    return bytes
  }

  private static func isSpace(_ character: UInt8) -> Bool {
    character == 0x20 || (0x09...0x0D).contains(character)
  }

  /// Where the only @ is, with something on both sides.
  private static func indexOfAt(_ bytes: [UInt8]) throws(IdentifierRefusal) -> Int {
    guard !bytes.isEmpty else { throw .empty }
    guard let at = bytes.firstIndex(of: UInt8(ascii: "@")), at > 0, at < bytes.count - 1,
      bytes.lastIndex(of: UInt8(ascii: "@")) == at
    else { throw .emailWithoutAt }
    return at
  }
}
