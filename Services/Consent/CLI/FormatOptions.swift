internal import ArgumentParser
internal import ConsentAPI
internal import ConsentService

extension ReceiptFileFormat: ExpressibleByArgument {}

/// The formats in which receipts are written.
enum ExportFormat: String, CaseIterable, ExpressibleByArgument {
  case seedJSON = "seed-json"
  case jsonLines = "jsonl"
  case csv, ts27560, kantara

  var form: ExportForm {
    switch self {
    case .seedJSON, .jsonLines: .unspecified
    case .csv: .csv
    case .ts27560: .ts27560
    case .kantara: .kantara
    }
  }

  /// What stands before, between and behind the receipts.
  var frame: (begin: String, separator: String, end: String) {
    switch self {
    case .seedJSON: ("[", ",\n ", "]\n")
    case .jsonLines, .ts27560, .kantara: ("", "\n", "\n")
    // A row has its line end.
    case .csv: ("", "", "")
    }
  }
}
