internal import Foundation
internal import PrivacyCore
internal import Testing

/// One record of a file of published vectors.
struct Vector: Sendable, CustomTestStringConvertible {
  private let fields: [String: String]

  var testDescription: String { fields["name"] ?? "a vector without a name" }

  /// The field's bytes.
  func bytes(_ name: String) throws -> [UInt8] {
    let text = try #require(fields[name])
    return try #require(Hexadecimal.decode(text))
  }

  /// The field's number.
  func count(_ name: String) throws -> Int {
    let text = try #require(fields[name])
    return try #require(Int(text))
  }

  /// The records of a file in Tests/Vectors/cryptography: paragraphs of `name = value`, after a
  /// head of `#` lines that names the source.
  static func load(_ file: String, sourceFile: String = #filePath) throws -> [Vector] {
    let folder = URL(filePath: sourceFile).appending(path: "../../../Vectors/cryptography")
    let text = try String(contentsOf: folder.standardized.appending(path: file), encoding: .utf8)
    return text.split(separator: "\n\n").compactMap { paragraph in
      var fields: [String: String] = [:]
      for line in paragraph.split(separator: "\n") where !line.hasPrefix("#") {
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        fields[parts[0].trimmingCharacters(in: .whitespaces)] =
          parts.last.map { $0.trimmingCharacters(in: .whitespaces) }
      }
      return fields.isEmpty ? nil : Vector(fields: fields)
    }
  }
}
