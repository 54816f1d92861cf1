/// Why an identifier has no canonical form. The texts go to callers, logs and files of rejected
/// rows: they name the rule and never the value.
package enum IdentifierRefusal: String, Error, Equatable, CaseIterable, Sendable,
  CustomStringConvertible
{
  case kindMissing = "the kind of identifier is missing or unknown"
  case empty = "the identifier is empty"
  case inputTooLong = "the identifier has more than 512 bytes"
  case qualifierTooLong = "the qualifier has more than 64 bytes"
  case invisibleCharacter =
    "the identifier holds a space, a control character or an invisible character"
  case characterTooNew = "the identifier holds a character that Unicode 14 does not know"

  case emailWithoutAt = "an e-mail address has one @ with text on both sides"
  case emailLocalPartTooLong = "the part before the @ has more than 64 bytes"
  case emailLocalPartCharacter =
    "the part before the @ holds a character that is not allowed there"
  case emailLocalPartDots =
    "the part before the @ begins or ends with a dot, or has two in a row"
  case emailDomainWithoutDot = "the e-mail domain needs two parts with a dot between them"
  case emailDomainLabelLength = "a part of the e-mail domain is empty or longer than 63 bytes"
  case emailDomainCharacter = "the e-mail domain holds a character that is not allowed there"
  case emailDomainHyphen = "a part of the e-mail domain begins or ends with a hyphen"
  case emailDomainIsAddress = "the e-mail domain ends in a number"
  case emailTooLong = "the e-mail address has more than 254 bytes"

  case phoneCharacter = "a phone number holds digits, a leading + and separators only"
  case phoneRegionMissing =
    "a phone number without a leading + needs the region that it belongs to"
  case phoneRegionUnknown = "the region is not an ISO 3166 code with a known dialling plan"
  case phoneCallingCodeUnknown = "the phone number begins with no country calling code"
  case phoneTrunkPrefix = "a phone number has a trunk 0 where none belongs"
  case phoneDigitCount = "a phone number has 8 to 15 digits, country calling code included"
  case phoneNationalDigitCount =
    "the phone number is too short or too long for its country; give its international form"

  case customerNumberSource =
    "a customer number needs its source system: a lower-case letter, then letters, digits, _ - ."
  case customerNumberCharacter = "a customer number holds printable ASCII characters only"
  case customerNumberTooLong = "the customer number has more than 64 characters"

  package var description: String { rawValue }
}
