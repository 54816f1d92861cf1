/// Canonical telephone numbers (`phone/e164-v1`): a plus sign and the digits of E.164.
///
/// The region of a national number is given, never guessed. Whether a number is in use, or its
/// length usual in its country, is not checked: numbering plans change, a profile must not. The
/// exception are the few plans where a wrong length is how a wrong reading shows.
package enum PhoneNumber {
  /// The digits a number may have, country calling code included. E.164 sets the most; fewer are
  /// short codes, which belong to nobody.
  package static let digitCountRange = 8...15

  /// Stands for `(0)` while a number is taken apart.
  private static let bracketedZero = UInt8(ascii: "z")

  /// The canonical form of a number that begins with `+`, or of a national one of `region`.
  ///
  /// - Parameter region: an ISO 3166 code, in either case; not looked at for a number with `+`.
  package static func canonical(
    _ text: String, region: String
  ) throws(IdentifierRefusal) -> [UInt8] {
    let trimmed = UnicodeText.trimmed(text)
    guard !trimmed.isEmpty else { throw .empty }
    let marked = try marks(in: trimmed)
    let digits: [UInt8]
    if marked.first == UInt8(ascii: "+") {
      digits = try international(marked.dropFirst())
    } else {
      digits = try national(marked, region: region)
    }
    guard digitCountRange.contains(digits.count) else { throw .phoneDigitCount }
    return [UInt8(ascii: "+")] + digits
  }

  /// The digits with a leading plus sign where there is one, and the mark for each `(0)`.
  private static func marks(in text: Substring) throws(IdentifierRefusal) -> ArraySlice<UInt8> {
    var marks: [UInt8] = []
    var isOpen = false
    for scalar in text.unicodeScalars {
      switch scalar {
      case "0"..."9": marks.append(UInt8(truncatingIfNeeded: scalar.value))
      case "+" where marks.isEmpty || marks == [UInt8(ascii: "(")]:
        marks.append(UInt8(ascii: "+"))
      case "(" where !isOpen:
        isOpen = true
        marks.append(UInt8(ascii: "("))
      case ")" where isOpen:
        isOpen = false
        guard let open = marks.lastIndex(of: UInt8(ascii: "(")) else { throw .phoneCharacter }
        let inner = marks[(open + 1)...]
        marks.replaceSubrange(
          open..., with: inner.elementsEqual("0".utf8) ? [bracketedZero] : Array(inner))
      // Spaces of every width, hyphens of every kind.
      case " ", "-", ".", "/", "\u{A0}", "\u{2007}", "\u{2009}", "\u{202F}",
        "\u{2010}"..."\u{2013}":
        break
      default: throw .phoneCharacter
      }
    }
    guard !isOpen else { throw .phoneCharacter }
    return marks[...]
  }

  /// What stands behind the plus sign. `(0)` behind the calling code says how the number is
  /// dialled at home and is left out where the plan has a trunk 0.
  private static func international(
    _ marks: ArraySlice<UInt8>
  ) throws(IdentifierRefusal) -> [UInt8] {
    guard let (code, plan) = DiallingPlan.ofCallingCode(prefixing: marks) else {
      throw .phoneCallingCodeUnknown
    }
    var rest = marks.dropFirst(code.count)
    if plan.trunkPrefix == "0" {
      if rest.first == UInt8(ascii: "0") { throw .phoneTrunkPrefix }
      if rest.first == bracketedZero { rest = rest.dropFirst() }
    }
    guard !rest.contains(bracketedZero) else { throw .phoneTrunkPrefix }
    try require(rest.count, of: plan)
    return code + rest
  }

  private static func require(
    _ nationalDigitCount: Int, of plan: DiallingPlan
  ) throws(IdentifierRefusal) {
    if let counts = plan.nationalDigitCounts, !counts.contains(nationalDigitCount) {
      throw .phoneNationalDigitCount
    }
  }

  private static func national(
    _ marks: ArraySlice<UInt8>, region: String
  ) throws(IdentifierRefusal) -> [UInt8] {
    guard !region.isEmpty else { throw .phoneRegionMissing }
    guard let plan = DiallingPlan.ofRegion(region) else { throw .phoneRegionUnknown }
    var digits = marks
    if digits.first == bracketedZero { digits = [UInt8(ascii: "0")] + digits.dropFirst() }
    if let prefix = plan.internationalPrefix, digits.starts(with: prefix.utf8) {
      return try international(digits.dropFirst(prefix.utf8.count))
    }
    // No number at home begins so: this is how some carrier dials abroad.
    guard !digits.contains(bracketedZero), !digits.starts(with: "00".utf8) else {
      throw .phoneTrunkPrefix
    }
    if let trunk = plan.trunkPrefix, digits.starts(with: trunk.utf8),
      plan.trunkDigitCount.map({ $0 == digits.count }) ?? true
    {
      digits = digits.dropFirst(trunk.utf8.count)
      if digits.first == UInt8(ascii: "0") { throw .phoneTrunkPrefix }
    }
    try require(digits.count, of: plan)
    return Array(plan.callingCode.utf8) + digits
  }
}
