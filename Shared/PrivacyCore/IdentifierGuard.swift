/// Finds values that look like a direct identifier, so that writes outside the vault refuse them
/// (promise P1: no raw identifier outside the identity vault).
///
/// It errs towards refusal: an e-mail address anywhere in the text, or a text that is nothing but
/// a telephone number. Dates, decimal numbers, stock codes and amounts pass.
public enum IdentifierGuard {
  /// What a refused value looked like.
  public enum Finding: String, Sendable {
    case emailAddress = "an e-mail address"
    case telephoneNumber = "a telephone number"
  }

  /// The same for a `String`, at the speed of its bytes.
  public static func finding(in text: String) -> Finding? {
    var text = text
    return text.withUTF8 { bytes in
      if hasEmailAddress(bytes) { return .emailAddress }
      return isTelephoneNumber(bytes) ? .telephoneNumber : nil
    }
  }

  /// What `text` looks like, or `nil` where it may be stored. Linear in the text's length.
  public static func finding(in text: some StringProtocol) -> Finding? {
    if hasEmailAddress(text.utf8) { return .emailAddress }
    return isTelephoneNumber(text.utf8) ? .telephoneNumber : nil
  }

  /// `local@domain.tld` with at least one character before the at sign and a dot after it.
  private static func hasEmailAddress(_ text: some Sequence<UInt8>) -> Bool {
    var hasLocalPart = false
    var domainByteCount: Int?
    var hasDotInDomain = false
    for character in text {
      if character == UInt8(ascii: "@") {
        domainByteCount = hasLocalPart ? 0 : nil
        hasDotInDomain = false
      } else if isSpaceOrQuote(character) {
        hasLocalPart = false
        domainByteCount = nil
      } else if let count = domainByteCount {
        if character == UInt8(ascii: ".") {
          hasDotInDomain = count > 0
        } else if hasDotInDomain {
          return true
        }
        domainByteCount = count + 1
      } else {
        hasLocalPart = true
      }
    }
    return false
  }

  private static func isSpaceOrQuote(_ character: UInt8) -> Bool {
    character <= UInt8(ascii: " ") || character == UInt8(ascii: "\"")
      || character == UInt8(ascii: "<") || character == UInt8(ascii: ">")
      || character == UInt8(ascii: ",") || character == UInt8(ascii: ";")
  }

  /// `+` and 8 to 15 digits (E.164), or a leading 0 and 9 to 14 more digits, with the usual
  /// separators between them; nothing else in the text.
  private static func isTelephoneNumber(_ text: some Sequence<UInt8>) -> Bool {
    var digitCount = 0
    var first: UInt8?
    var separatorCount = 0
    for character in text {
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        if first == nil { first = character }
        digitCount += 1
      case UInt8(ascii: "+"):
        guard first == nil else { return false }
        first = character
      case UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "("), UInt8(ascii: ")"),
        UInt8(ascii: "/"):
        separatorCount += 1
      default: return false
      }
    }
    guard separatorCount <= 8 else { return false }
    return switch first {
    case UInt8(ascii: "+"): (8...15).contains(digitCount)
    case UInt8(ascii: "0"): (10...15).contains(digitCount)
    default: false
    }
  }
}
