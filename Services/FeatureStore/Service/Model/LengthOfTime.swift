/// Lengths of time as definitions write them: `90d`, `12h`, `30m`, `45s`.
package enum LengthOfTime {
  private static let units: [(suffix: Character, microseconds: Int64)] = [
    ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000),
  ]

  /// The microseconds of `text`: a whole number from 1 with its unit, at most 36,500 days; `nil`
  /// for anything else.
  package static func microseconds(_ text: some StringProtocol) -> Int64? {
    guard let suffix = text.last, let unit = units.first(where: { $0.suffix == suffix }) else {
      return nil
    }
    let digits = text.dropLast()
    guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let number = Int64(digits), number > 0
    else { return nil }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit.microseconds)
    return overflow || product > 36_500 * 86_400_000_000 ? nil : product
  }

  /// The text of a number of seconds in its largest whole unit; "for ever" for 0.
  package static func text(seconds: Int64) -> String {
    guard seconds > 0 else { return "for ever" }
    for unit in units where (seconds * 1_000_000).isMultiple(of: unit.microseconds) {
      return "\(seconds * 1_000_000 / unit.microseconds)\(unit.suffix)"
    }
    return "\(seconds)s"
  }
}
