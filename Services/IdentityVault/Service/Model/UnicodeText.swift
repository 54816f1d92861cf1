internal import Foundation

/// The Unicode rules of the profiles, held at version 14.0: a profile must not change when a
/// toolchain learns new characters. Unicode never changes the case mappings or the canonical
/// composition of a character once it is assigned.
enum UnicodeText {
  /// Lower case by Unicode's default algorithm, as CPython 3.11 does it: full mappings, the final
  /// sigma by its context, no locale. Characters newer than Unicode 14 stay as they are.
  static func lowercased(_ text: String) -> String {
    let scalars = Array(text.unicodeScalars)
    var lower = String.UnicodeScalarView()
    for (index, scalar) in scalars.enumerated() {
      if scalar == "\u{03A3}" {
        lower.append(isFinalSigma(at: index, in: scalars) ? "\u{03C2}" : "\u{03C3}")
      } else if isKnown(scalar) {
        lower.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      } else {
        lower.append(scalar)
      }
    }
    return String(lower)
  }

  /// Normalization form C.
  static func composed(_ text: String) -> String { text.precomposedStringWithCanonicalMapping }

  /// Whether compatibility normalization would change `text`: full-width letters, ligatures.
  static func hasCompatibilityCharacters(_ text: String) -> Bool {
    !text.precomposedStringWithCompatibilityMapping.utf8.elementsEqual(text.utf8)
  }

  /// `text` without white space at its ends.
  static func trimmed(_ text: String) -> Substring {
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return Substring(scalars[first...last])
  }

  /// Refuses what cannot be seen, and what a later Unicode may treat otherwise.
  static func requireVisible(_ text: some StringProtocol) throws(IdentifierRefusal) {
    for scalar in text.unicodeScalars {
      guard isKnown(scalar) else { throw .characterTooNew }
      if scalar.properties.isDefaultIgnorableCodePoint || scalar.properties.isWhitespace {
        throw .invisibleCharacter
      }
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .privateUse, .lineSeparator, .paragraphSeparator,
        .spaceSeparator:
        throw .invisibleCharacter
      default: break
      }
    }
  }

  /// Whether Unicode 14 assigns the character, or reserves it for private use or control.
  private static func isKnown(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return true }
    guard let age = scalar.properties.age else { return false }
    return age.major <= 14
  }

  /// Unicode's condition Final_Sigma: behind a cased letter and not in front of one, looking
  /// across case-ignorable characters.
  private static func isFinalSigma(at index: Int, in scalars: [Unicode.Scalar]) -> Bool {
    let isIgnorable = { (scalar: Unicode.Scalar) in scalar.properties.isCaseIgnorable }
    guard let before = scalars[..<index].last(where: { !isIgnorable($0) }),
      before.properties.isCased
    else { return false }
    let after = scalars[(index + 1)...].first { !isIgnorable($0) }
    return after.map { !$0.properties.isCased } ?? true
  }
}
