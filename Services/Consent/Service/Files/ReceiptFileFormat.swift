package import ConsentFormats

/// The formats in which files of receipts are read.
package enum ReceiptFileFormat: String, Hashable, Sendable, CaseIterable {
  /// One JSON list of receipts, or JSON objects one after the other, as people write JSON.
  case seedJSON = "seed-json"
  /// A JSON object a line.
  case jsonLines = "jsonl"
  /// CSV (RFC 4180) with a line of column names.
  case csv

  /// The format that a file's name leaves no doubt about; `nil` for any other name.
  package init?(certainOf path: String) {
    let name = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
    switch name.split(separator: ".", omittingEmptySubsequences: false).dropFirst().last {
    case "json": self = .seedJSON
    case "jsonl", "ndjson": self = .jsonLines
    case "csv": self = .csv
    default: return nil
    }
  }
}

/// Reads the receipts of a file of any of the formats, from chunks that may end anywhere.
package struct ReceiptFileReader: Sendable {
  private enum Reader: Sendable {
    case json(JSONReceiptReader)
    case lines(JSONLinesReceiptReader)
    case csv(CSVReceiptReader)
  }

  private var reader: Reader

  /// A reader at the beginning of a file.
  package init(_ format: ReceiptFileFormat) {
    switch format {
    case .seedJSON: reader = .json(JSONReceiptReader())
    case .jsonLines: reader = .lines(JSONLinesReceiptReader())
    case .csv: reader = .csv(CSVReceiptReader())
    }
  }

  /// Where a line of column names stands in what was read; `nil` before it was, and for formats
  /// that have none.
  package var header: Range<Int>? {
    if case .csv(let reader) = reader { reader.header } else { nil }
  }

  /// The receipts that end within `chunk`, in order.
  ///
  /// - Throws: What is wrong with a line of column names; nothing can be read then.
  package mutating func read(_ chunk: [UInt8]) throws(FormatFault) -> [ReceiptRow] {
    switch reader {
    case .json(var json):
      defer { reader = .json(json) }
      return json.read(chunk)
    case .lines(var lines):
      defer { reader = .lines(lines) }
      return lines.read(chunk)
    case .csv(var csv):
      defer { reader = .csv(csv) }
      return try csv.read(chunk)
    }
  }

  /// What is left at the end of the file.
  package mutating func finish() throws(FormatFault) -> [ReceiptRow] {
    switch reader {
    case .json(var json):
      defer { reader = .json(json) }
      return json.finish()
    case .lines(var lines):
      defer { reader = .lines(lines) }
      return lines.finish()
    case .csv(var csv):
      defer { reader = .csv(csv) }
      return try csv.finish()
    }
  }
}
