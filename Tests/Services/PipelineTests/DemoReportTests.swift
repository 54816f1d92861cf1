internal import Foundation
internal import Pipeline
internal import TestSupport
internal import Testing

@Suite("The demo's report")
struct DemoReportTests {
  /// What programs that read `report.json` rely on.
  private static let keys: Set = [
    "data", "rows_read", "rows_accepted", "rows_refused", "refusals", "customers", "receipts",
    "features_served", "features_withheld", "epsilon_spent", "epsilon_limit", "delta",
    "overspend_refused", "noisy_customers", "noisy_customers_margin_95", "noisy_countries",
    "subjects", "recall_at_20_all", "recall_at_20_new", "popularity_recall_at_20_all",
    "popularity_recall_at_20_new", "popularity_all_time_recall_at_20_all",
    "popularity_all_time_recall_at_20_new", "withdraw_to_silence_ms", "withdraw_reply_ms",
    "withdraw_gates", "personal_answers_after_withdrawal", "erase_ms", "erase_features_readable",
    "recommend_p50_ms", "recommend_p99_ms", "recommend_latencies_ms", "identifiers_found_in_files",
    "stages", "seconds_total",
  ]

  private static func written(_ report: DemoReport) async throws -> (json: Data, html: String) {
    try await withTemporaryDirectory { directory in
      try report.write(into: directory)
      return (
        try Data(contentsOf: directory.appending(path: "report.json")),
        try String(contentsOf: directory.appending(path: "report.html"), encoding: .utf8)
      )
    }
  }

  @Test("report.json has exactly the keys that others read")
  func keys() async throws {
    let (json, _) = try await Self.written(DemoReport())
    let object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
    #expect(Set(object.keys) == Self.keys)
  }

  @Test("what was written is read back as it was")
  func roundTrip() async throws {
    var report = DemoReport()
    report.data = "SYNTHETIC"
    report.rowsRead = 7
    report.refusals = ["no customer number": 3]
    report.epsilonSpent = 1.25
    report.epsilonLimit = 2
    report.noisyCountries = ["France": -2]
    report.recallAt20All = 0.5
    report.recommendLatenciesMs = [0.5, 1.5]
    let (json, html) = try await Self.written(report)
    let again = try JSONDecoder().decode(DemoReport.self, from: json)
    #expect(again.rowsRead == 7)
    #expect(again.refusals == report.refusals)
    #expect(again.epsilonLeft == 0.75)
    #expect(again.noisyCountries == report.noisyCountries)
    #expect(again.recommendLatenciesMs == report.recommendLatenciesMs)
    #expect(html.contains("SYNTHETIC"))
  }
}
