internal import PrivacyCore

/// Reads a note's text line by line: a heading, then lines of a name, a space and a value, in an order
/// that the note's kind fixes.
struct NoteLines {
  private var lines: ArraySlice<String>

  /// `nil` where the text does not begin with `heading`, or does not end with a newline.
  init?(_ text: String, heading: String) {
    let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map {
      String(Substring($0))
    }
    guard lines.first == heading, lines.last?.isEmpty == true else { return nil }
    self.lines = lines.dropFirst().dropLast()
  }

  /// Whether every line was taken.
  var isAtEnd: Bool { lines.isEmpty }

  /// Takes the next line where it has this name; `nil` where it has not, and takes nothing.
  mutating func take(_ name: String) -> String? {
    let prefix = name + " "
    guard let line = lines.first, line.hasPrefix(prefix) else { return nil }
    lines.removeFirst()
    return String(line.dropFirst(prefix.count))
  }

  /// Takes the next line where it has this name and a whole number.
  mutating func takeNumber<Number: FixedWidthInteger>(_ name: String) -> Number? {
    take(name).flatMap { Number($0) }
  }

  /// Takes the next line where it has this name and a pid.
  mutating func takePerson() -> PseudonymousID? {
    take("pid").flatMap { PseudonymousID(text: $0) }
  }

  /// Takes as many lines of this name as there are.
  mutating func takeAll(_ name: String) -> [String] {
    var values: [String] = []
    while let value = take(name) { values.append(value) }
    return values
  }
}
