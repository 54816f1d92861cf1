extension EmailAddress {
  /// The canonical form of an address that needs nothing but lower case: `atext` and single dots in
  /// front of the @, letters, digits and inner hyphens in labels behind it, all ASCII. `nil` for any
  /// other text, good or bad: what is to be said of it is decided the long way. Nearly every address
  /// is a plain one; one pass, about 50 ns.
  static func plain(_ text: String) -> [UInt8]? {
    let source = text.utf8.span
    guard source.count <= byteCountMax else { return nil }
    let canonical = [UInt8](capacity: source.count) { output in
      guard let at = copyLocalPart(of: source, to: &output) else { return output.removeAll() }
      output.append(UInt8(ascii: "@"))
      if !copyDomain(of: source, from: at + 1, to: &output) { output.removeAll() }
    }
    return canonical.isEmpty ? nil : canonical
  }

  private static let dot = UInt8(ascii: ".")
  private static let hyphen = UInt8(ascii: "-")

  /// Copies what stands in front of the @; answers where that is, or `nil` for what is not plain.
  private static func copyLocalPart(
    of source: borrowing Span<UInt8>, to output: inout OutputSpan<UInt8>
  ) -> Int? {
    let letters = plainLocal
    // As if behind a dot: none may stand first, last, or behind another one.
    var previous = dot
    for index in source.indices {
      let character = letters[Int(source[index])]
      guard character != 0 else {
        let isEnd =
          source[index] == UInt8(ascii: "@") && previous != dot && index <= localPartByteCountMax
        return isEnd ? index : nil
      }
      if character == dot, previous == dot { return nil }
      output.append(character)
      previous = character
    }
    return nil
  }

  /// Copies a domain of at least two labels, the last of which is no number; false for any other.
  private static func copyDomain(
    of source: borrowing Span<UInt8>, from start: Int, to output: inout OutputSpan<UInt8>
  ) -> Bool {
    let letters = plainDomain
    var labelStart = start
    var hasDot = false
    var isNumber = true
    var previous = dot
    for index in start..<source.count {
      let character = letters[Int(source[index])]
      switch character {
      case 0: return false
      case dot:
        guard previous != dot, previous != hyphen,
          index - labelStart <= EmailDomain.labelByteCountMax
        else { return false }
        labelStart = index + 1
        hasDot = true
        isNumber = true
      case hyphen:
        if previous == dot { return false }
        isNumber = false
      default: if character >= UInt8(ascii: "a") { isNumber = false }
      }
      output.append(character)
      previous = character
    }
    return hasDot && !isNumber && previous != dot && previous != hyphen
      && source.count - labelStart <= EmailDomain.labelByteCountMax
  }

  /// For each byte what it becomes in front of the @; 0 where it is not plain.
  private static let plainLocal = table { character in
    isAtomText[character] || character == Int(dot)
  }

  /// For each byte what it becomes behind the @; 0 where it is not plain.
  private static let plainDomain = table { character in
    switch UInt8(character) {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), dot, hyphen:
      true
    default: false
    }
  }

  private static func table(_ isPlain: (Int) -> Bool) -> [UInt8] {
    var table = [UInt8](repeating: 0, count: 256)
    for character in 0..<128 where isPlain(character) {
      let byte = UInt8(character)
      table[character] = byte &- 0x41 < 26 ? byte | 0x20 : byte
    }
    return table
  }
}
