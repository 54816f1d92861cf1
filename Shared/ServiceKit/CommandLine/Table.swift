internal import Foundation

/// Rows for people, in columns as wide as their longest cell.
public struct Table {
  private let headers: [String]
  private var rows: [[String]] = []

  /// A table with these columns.
  public init(_ headers: String...) { self.headers = headers }

  /// Adds a row; cells that are missing stay empty.
  public mutating func add(_ cells: String...) {
    rows.append(cells + Array(repeating: "", count: max(0, headers.count - cells.count)))
  }

  /// The lines, headers first, without trailing spaces. Columns of numbers stand to the right.
  public var text: String {
    let widths = headers.indices.map { column in
      ([headers] + rows).map { $0[column].count }.max() ?? 0
    }
    let rightAligned = headers.indices.map { column in
      !rows.isEmpty && rows.allSatisfy { Self.isNumber($0[column]) }
    }
    return ([headers] + rows).map { row in
      var line = ""
      for column in headers.indices {
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        line += rightAligned[column] ? padding + row[column] : row[column] + padding
        if column < headers.count - 1 { line += "  " }
      }
      return String(line.reversed().drop { $0 == " " }.reversed())
    }.joined(separator: "\n")
  }

  /// Prints the table.
  public func show() { print(text) }

  /// A measure as a cell: whole numbers as such, others with three digits.
  public static func figure(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15
      ? String(Int64(number)) : String(format: "%.3f", number)
  }

  private static func isNumber(_ text: String) -> Bool {
    text.contains(where: \.isNumber)
      && text.allSatisfy { $0.isNumber || ".,-+% ".contains($0) }
  }
}
