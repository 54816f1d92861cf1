/// Swift source as it is written, line by line, two spaces for each level.
struct SourceText {
  private(set) var lines: [String] = []
  private var level = 0

  mutating func line(_ text: String = "") {
    lines.append(text.isEmpty ? "" : String(repeating: "  ", count: level) + text)
  }

  /// `head {`, whatever `body` writes, `}`.
  mutating func block(
    _ head: String, closing: String = "}", _ body: (inout SourceText) throws -> Void
  ) rethrows {
    line(head + " {")
    level += 1
    try body(&self)
    level -= 1
    line(closing)
  }

  /// A doc comment.
  mutating func comment(_ lines: [String], otherwise: String? = nil) {
    for text in lines.isEmpty ? [otherwise].compactMap(\.self) : lines {
      line(text.isEmpty ? "///" : "/// \(text)")
    }
  }

  /// A declaration with a list in parentheses: on one line where it fits in a hundred columns,
  /// else one entry on a line.
  mutating func list(_ head: String, _ entries: [String], _ tail: String) {
    let whole = head + entries.joined(separator: ", ") + tail
    guard level * 2 + whole.count > 100 else { return line(whole) }
    line(head)
    level += 1
    for (index, entry) in entries.enumerated() {
      line(entry + (index + 1 < entries.count ? "," : ""))
    }
    level -= 1
    line(tail)
  }

  var text: String { lines.joined(separator: "\n") + "\n" }
}
