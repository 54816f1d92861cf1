internal import Foundation
internal import ServiceKit
internal import VaultAPI

/// The identifiers of a file, line by line.
struct IdentifierLines {
  /// What counts where a line does not say it.
  struct Defaults {
    let kind: IdentifierKind
    let region: String?
    let source: String?

    /// The qualifier of an identifier of this kind.
    func qualifier(of kind: IdentifierKind) -> String {
      switch kind {
      case .phone: region ?? ""
      case .customerNumber: source ?? ""
      default: ""
      }
    }
  }

  /// One line: what it names, or why that is refused.
  struct Entry {
    let number: Int
    let content: Result<Identifier, CommandFailure>
  }

  private var reader: LineReader
  private let defaults: Defaults

  /// Opens a file; `-` is standard input.
  init(path: String, defaults: Defaults) throws {
    // The path is not repeated: it may be an identifier that was meant for --email.
    guard
      path == IdentifierInput.standardInput || FileManager.default.isReadableFile(atPath: path)
    else {
      throw CommandFailure("the file cannot be read; a single identifier stands behind --email …")
    }
    reader = try LineReader(path: path)
    self.defaults = defaults
  }

  /// How much of the file was read, in 0...1; `nil` where nobody knows how long it is.
  var fraction: Double? { reader.fraction }

  /// Up to `countMax` lines; `nil` at the end.
  mutating func next(countMax: Int) throws -> [Entry]? {
    try reader.next(countMax: countMax, byteCountMax: 1 << 20)?.map { line in
      // Spreadsheets write a byte order mark before the first line.
      let isMarked = line.number == 1 && line.text.unicodeScalars.first == "\u{FEFF}"
      let text = isMarked ? String(line.text.unicodeScalars.dropFirst()) : line.text
      return Entry(
        number: line.number,
        content: Result { () throws(CommandFailure) in try identifier(in: text) })
    }
  }

  private struct JSONEntry: Decodable {
    let kind: String
    let value: String
    let qualifier: String?
  }

  private func identifier(in line: String) throws(CommandFailure) -> Identifier {
    let identifier: Identifier
    if line.utf8.first == UInt8(ascii: "{") {
      let entry: JSONEntry
      do {
        entry = try decodeJSON(JSONEntry.self, from: line)
      } catch {
        throw CommandFailure(text(of: error))
      }
      guard let kind = IdentifierKind(name: entry.kind) else {
        throw CommandFailure("kind is not email, phone or customer-number")
      }
      identifier = Identifier(
        kind: kind, value: entry.value, qualifier: entry.qualifier ?? defaults.qualifier(of: kind))
    } else {
      identifier = Identifier(
        kind: defaults.kind, value: line, qualifier: defaults.qualifier(of: defaults.kind))
    }
    if let refusal = IdentifierInput.refusal(of: identifier) { throw CommandFailure(refusal) }
    return identifier
  }
}
