internal import Foundation

/// A CSV file of Tests/Vectors/differential-privacy: rows by column name, empty cells left out.
struct ReferenceTable {
  let rows: [[String: String]]

  init(_ name: String) throws {
    let folder = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Vectors/differential-privacy")
    let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    let lines = text.split(whereSeparator: \.isNewline).map { line in
      line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    let header = lines.first ?? []
    rows = lines.dropFirst().map { cells in
      Dictionary(zip(header, cells).filter { !$0.1.isEmpty }, uniquingKeysWith: { $1 })
    }
  }
}

extension [String: String] {
  func number(_ column: String) -> Double? { self[column].flatMap(Double.init) }
}
