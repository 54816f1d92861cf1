internal import ArgumentParser
internal import Foundation
internal import PrivacyCore

/// Measures imports from end to end: a file, the program that people run, and a real service. The
/// time is that of the whole process, from its start until everything is durable and it has ended.
struct ImportBench {
  /// The service's port on the loopback address.
  let port: Int
  /// `tacit-consent`.
  let program: String
  /// Receipts in each file.
  let count: Int

  private static let columns =
    "consent_id,user_id_hashed,scopes,granted_at,expires_at,source,version\r\n"

  /// Receipts in a second from JSON lines and from CSV, each of people who are new, and for the same
  /// file of JSON lines again, where nothing is recorded.
  func measure() async throws -> [String: Double] {
    let directory = FileManager.default.temporaryDirectory
      .appending(path: "tacit-import-bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let lines = directory.appending(path: "receipts.jsonl")
    try write(lines, head: "") { id, pid in
      "{\"consent_id\":\"\(id)\",\"user_id_hashed\":\"\(pid)\",\"scopes\":[\"product_recs\","
        + "\"analytics\"],\"granted_at\":\"2026-01-10T12:34:56Z\",\"expires_at\":"
        + "\"2036-01-10T12:34:56Z\",\"source\":\"web-portal:v2\",\"version\":2}\n"
    }
    let table = directory.appending(path: "receipts.csv")
    try write(table, head: Self.columns) { id, pid in
      "\(id),\(pid),product_recs;analytics,2026-01-10T12:34:56Z,2036-01-10T12:34:56Z,"
        + "web-portal:v2,2\r\n"
    }
    return [
      "import_receipts_per_s": try perSecond(lines),
      "import_csv_receipts_per_s": try perSecond(table),
      "import_again_receipts_per_s": try perSecond(lines),
    ]
  }

  private func write(
    _ file: URL, head: String, _ line: (ConsentID, String) -> String
  ) throws {
    let random = SystemRandom()
    let time = SystemTime().now
    var text = head
    for index in 0..<count {
      // In the order of their times, as an export of another system has them.
      let id = ConsentID(at: time.advanced(byMicroseconds: Int64(index) * 1_000), random: random)
      let pid = PseudonymousID(words: (random.word(), random.word(), random.word(), random.word()))
      text += line(id, pid.seedForm)
    }
    try Data(text.utf8).write(to: file)
  }

  private func perSecond(_ file: URL) throws -> Double {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = [
      "import", file.path, "--plain", "--to", "127.0.0.1:\(port)", "--timeout-ms", "600000",
      "--json",
    ]
    process.standardOutput = FileHandle.nullDevice
    let clock = ContinuousClock()
    let start = clock.now
    try process.run()
    process.waitUntilExit()
    let seconds = (clock.now - start) / .seconds(1)
    guard process.terminationStatus == 0 else {
      throw ValidationError("\(program) import ended with \(process.terminationStatus)")
    }
    return Double(count) / seconds
  }
}

/// Imports, by `ImportBench`.
struct ImportsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "imports", abstract: "Imports files of so many receipts, one of each person.")

  @OptionGroup var target: Target

  @Option(help: "The program that imports: tacit-consent.")
  var program: String

  func run() async throws {
    try report(
      try await ImportBench(port: target.port, program: program, count: target.people).measure())
  }
}
