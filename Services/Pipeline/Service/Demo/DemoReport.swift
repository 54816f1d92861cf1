package import Foundation

/// What the demo found: written as `report.json`, shown as `report.html` and as a table.
package struct DemoReport: Codable, Sendable {
  package struct Stage: Codable, Sendable {
    package let name: String
    package let seconds: Double
  }

  package struct Gate: Codable, Sendable {
    package let name: String
    package let confirmed: Bool
    package let ms: Double
  }

  package var data = ""
  package var rowsRead = 0
  package var rowsAccepted = 0
  package var rowsRefused = 0
  package var refusals: [String: Int] = [:]
  package var customers = 0
  package var receipts = 0
  package var featuresServed = 0
  package var featuresWithheld = 0
  package var epsilonSpent = 0.0
  package var epsilonLimit = 0.0
  package var delta = 0.0
  package var overspendRefused = false
  package var noisyCustomers: Int64 = 0
  package var noisyCustomersMargin = 0.0
  package var noisyCountries: [String: Int64] = [:]
  package var subjects = 0
  package var recallAt20All = 0.0
  package var recallAt20New = 0.0
  package var popularityRecallAt20All = 0.0
  package var popularityRecallAt20New = 0.0
  package var popularityAllTimeRecallAt20All = 0.0
  package var popularityAllTimeRecallAt20New = 0.0
  package var withdrawToSilenceMs = 0.0
  package var withdrawReplyMs = 0.0
  package var withdrawGates: [Gate] = []
  package var personalAnswersAfterWithdrawal = 0
  package var eraseMs = 0.0
  package var eraseFeaturesReadable = 0
  package var recommendP50Ms = 0.0
  package var recommendP99Ms = 0.0
  package var recommendLatenciesMs: [Double] = []
  package var identifiersFound = 0
  package var stages: [Stage] = []
  package var secondsTotal = 0.0

  package init() {}

  /// Epsilon that may still be spent.
  package var epsilonLeft: Double { epsilonLimit - epsilonSpent }

  enum CodingKeys: String, CodingKey {
    case data, customers, receipts, subjects, delta, stages, refusals
    case rowsRead = "rows_read"
    case rowsAccepted = "rows_accepted"
    case rowsRefused = "rows_refused"
    case featuresServed = "features_served"
    case featuresWithheld = "features_withheld"
    case epsilonSpent = "epsilon_spent"
    case epsilonLimit = "epsilon_limit"
    case overspendRefused = "overspend_refused"
    case noisyCustomers = "noisy_customers"
    case noisyCustomersMargin = "noisy_customers_margin_95"
    case noisyCountries = "noisy_countries"
    case recallAt20All = "recall_at_20_all"
    case recallAt20New = "recall_at_20_new"
    case popularityRecallAt20All = "popularity_recall_at_20_all"
    case popularityRecallAt20New = "popularity_recall_at_20_new"
    case popularityAllTimeRecallAt20All = "popularity_all_time_recall_at_20_all"
    case popularityAllTimeRecallAt20New = "popularity_all_time_recall_at_20_new"
    case withdrawToSilenceMs = "withdraw_to_silence_ms"
    case withdrawReplyMs = "withdraw_reply_ms"
    case withdrawGates = "withdraw_gates"
    case personalAnswersAfterWithdrawal = "personal_answers_after_withdrawal"
    case eraseMs = "erase_ms"
    case eraseFeaturesReadable = "erase_features_readable"
    case recommendP50Ms = "recommend_p50_ms"
    case recommendP99Ms = "recommend_p99_ms"
    case recommendLatenciesMs = "recommend_latencies_ms"
    case identifiersFound = "identifiers_found_in_files"
    case secondsTotal = "seconds_total"
  }

  /// Writes `report.json` and `report.html` into `directory`.
  package func write(into directory: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(self).write(to: directory.appending(path: "report.json"), options: .atomic)
    try Data(ReportPage(self).html.utf8).write(
      to: directory.appending(path: "report.html"), options: .atomic)
  }
}
