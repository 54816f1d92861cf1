/// The domain of an e-mail address as A-labels (RFC 5890).
///
/// What is done: a label with letters outside ASCII is checked and encoded with Punycode. What is
/// *not* done is UTS #46: nothing is mapped besides lower case and NFC, which came before. A label
/// with compatibility characters (full-width letters, ligatures), with symbols, or with joiners is
/// refused rather than mapped; `ß` and the final sigma stay themselves, as in IDNA 2008; the
/// contextual and bidirectional rules are not checked, and neither is what an `xn--` label holds.
enum EmailDomain {
  static let labelByteCountMax = 63

  /// The A-labels of a lower-case UTF-8 domain, with dots between them.
  static func canonical(_ domain: ArraySlice<UInt8>) throws(IdentifierRefusal) -> [UInt8] {
    var canonical: [UInt8] = []
    canonical.reserveCapacity(domain.count)
    var labelCount = 0
    var last: ArraySlice<UInt8> = []
    for label in domain.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      let start = canonical.count + (labelCount > 0 ? 1 : 0)
      if labelCount > 0 { canonical.append(UInt8(ascii: ".")) }
      if label.allSatisfy({ $0 < 0x80 }) {
        canonical += label
      } else {
        canonical += try aLabel(label)
      }
      last = canonical[start...]
      try requireLabel(last)
      labelCount += 1
    }
    guard labelCount > 1 else { throw .emailDomainWithoutDot }
    if last.allSatisfy(isDigit) { throw .emailDomainIsAddress }
    return canonical
  }

  /// Letters, digits and inner hyphens.
  private static func requireLabel(_ label: ArraySlice<UInt8>) throws(IdentifierRefusal) {
    guard (1...labelByteCountMax).contains(label.count) else { throw .emailDomainLabelLength }
    let hyphen = UInt8(ascii: "-")
    for character in label where !isDigit(character) && !isLetter(character) {
      guard character == hyphen else { throw .emailDomainCharacter }
    }
    if label.first == hyphen || label.last == hyphen { throw .emailDomainHyphen }
  }

  private static func aLabel(_ label: ArraySlice<UInt8>) throws(IdentifierRefusal) -> [UInt8] {
    let text = String(decoding: label, as: UTF8.self)
    guard !UnicodeText.hasCompatibilityCharacters(text) else { throw .emailDomainCharacter }
    for (index, scalar) in text.unicodeScalars.enumerated() {
      switch scalar.properties.generalCategory {
      case .lowercaseLetter, .otherLetter, .modifierLetter, .decimalNumber: break
      case .nonspacingMark where index > 0, .spacingMark where index > 0: break
      default: guard scalar == "-" else { throw .emailDomainCharacter }
      }
    }
    if label.first == UInt8(ascii: "-") || label.last == UInt8(ascii: "-") {
      throw .emailDomainHyphen
    }
    return Array("xn--".utf8) + Punycode.encode(text.unicodeScalars)
  }

  private static func isDigit(_ character: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character)
  }

  private static func isLetter(_ character: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(character)
  }
}
