internal import ArgumentParser
internal import Foundation
internal import PrivacyCore
internal import ServiceKit
internal import TrainerAPI

/// `query`: a noisy count or histogram.
struct QueryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Count people, with noise, and charge the budget for it.",
    discussion: """
      Without --feature it counts the people who allow the scope; with --feature those who have a \
      value; with --key as well, how many have each of these values. Keys must be named: a value \
      that only occurs in the data would give away that it does. All keys of one question cost as \
      much as one.

      Each count comes with half the width of its 95 % interval: about 7 / epsilon people at delta \
      1e-6, however many there are. A count may be negative. The same question again costs again.

      Examples:
        tacit-trainer query --dataset orders --purpose reports \\
            --scope analytics --epsilon 0.1
        tacit-trainer query --dataset orders --purpose reports \\
            --scope analytics --epsilon 0.1 \\
            --feature purchases:country --key Germany --key France
      """)

  @OptionGroup var budget: BudgetOptions
  @Option(help: "The scope a person must have allowed to be counted.") var scope: String
  @Option(parsing: .unconditional, help: "What to spend; above 0 and finite.") var epsilon: Double
  @Option(help: "The feature whose values are counted, as view:feature.") var feature: String?
  @Option(
    name: .customLong("key"),
    help: "A value to be counted; may be given up to 10,000 times.")
  var keys: [String] = []
  @Option(help: ArgumentHelp("As of what time; now.", valueName: "time"), transform: Reading.time)
  var asOf: Timestamp?
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    struct CountView: Encodable {
      let key: String?
      let count: Int64
    }

    let counts: [CountView]
    let standardDeviation: Double
    let margin95: Double
    let epsilon: Double
    let budget: BudgetView?

    enum CodingKeys: String, CodingKey {
      case counts
      case standardDeviation = "standard_deviation"
      case margin95 = "margin_95"
      case epsilon, budget
    }

    init(_ reply: QueryReply) {
      counts = reply.counts.map { CountView(key: $0.key.isEmpty ? nil : $0.key, count: $0.count) }
      standardDeviation = reply.standardDeviation
      margin95 = reply.margin95
      epsilon = reply.epsilon
      budget = reply.budget.map(BudgetView.init)
    }
  }

  func run() async throws {
    let request = QueryRequest(
      dataset: budget.dataset, purpose: budget.purpose, feature: feature ?? "", keys: keys,
      epsilon: epsilon, asOfUs: asOf?.microseconds ?? 0, scope: scope)
    let answer = Answer(
      try await client.with(.trainer) {
        try await TrainerClient($0).query(request, options: client.callOptions)
      })
    if client.json { return try printJSON(answer) }
    var table = Table("counted", "people", "±")
    let margin = String(format: "%.1f", answer.margin95)
    for count in answer.counts { table.add(count.key ?? counted, "\(count.count)", margin) }
    table.show()
    print("± is half the width of the 95 % interval")
    print("charged epsilon \(Figures.spent(answer.epsilon))")
    if let budget = answer.budget { print("budget: \(budget.sentence)") }
  }

  /// What is counted where no value is named.
  private var counted: String {
    feature.map { "those with \($0)" } ?? "those who allow \(scope)"
  }
}
