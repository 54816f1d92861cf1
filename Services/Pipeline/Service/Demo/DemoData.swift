package import Foundation
internal import ServiceKit

/// The files that the demo runs on: the real data set where it is at hand, else invented data that
/// is called so everywhere.
package struct DemoData: Sendable {
  /// Where the rows come from.
  package enum Origin: String, Codable, Sendable {
    case onlineRetail = "UCI Online Retail II (CC BY 4.0)"
    case synthetic = "SYNTHETIC (invented by tacit generate; nobody in it exists)"
  }

  package let origin: Origin
  package let files: [URL]

  /// Looks for the data set in `directory`, or in `./data` and `../shared/data` when none is given.
  /// Answers `nil` where it is in none of them.
  package static func find(in directory: URL?) throws -> DemoData? {
    let candidates =
      directory.map { [$0] } ?? [URL(filePath: "data"), URL(filePath: "../shared/data")]
    for candidate in candidates {
      for folder in [candidate.appending(path: "online-retail"), candidate] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        let files = names.filter {
          $0.hasPrefix("online_retail") && ($0.hasSuffix(".csv") || $0.hasSuffix(".csv.gz"))
        }.sorted()
        if !files.isEmpty {
          return DemoData(origin: .onlineRetail, files: files.map { folder.appending(path: $0) })
        }
      }
    }
    if let directory {
      throw CommandFailure("no online_retail*.csv or .csv.gz in \(directory.path)")
    }
    return nil
  }

  /// Tries to download the public data set into `directory`; answers `nil`, and why on standard
  /// error, where that is not possible.
  package static func download(into directory: URL) throws -> DemoData? {
    let script = URL(filePath: "Tools/fetch-online-retail.py")
    guard FileManager.default.fileExists(atPath: script.path) else { return nil }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["python3", script.path, directory.path]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { return nil }
    return try find(in: directory)
  }

  /// Invents data below `directory`.
  package static func invent(in directory: URL, rowCount: Int) throws -> DemoData {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let file = directory.appending(path: "synthetic_retail.csv")
    var crm = SyntheticCRM()
    crm.rowCount = rowCount
    crm.customerCount = max(50, rowCount / 50)
    try crm.write(to: file)
    return DemoData(origin: .synthetic, files: [file])
  }
}
