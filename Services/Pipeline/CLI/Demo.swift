internal import ArgumentParser
internal import Foundation
internal import Pipeline
internal import ServiceKit

struct Demo: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the whole product on real data, with a report at the end.",
    discussion: """
      Starts five services with fresh stores on free ports, makes consents for the customers of \
      UCI Online Retail II by a documented rule, ingests the purchases, learns within a stated \
      privacy budget, recommends, withdraws one customer's consent under load, erases another, \
      and writes report.json and report.html.

      The data set is looked for in --data, ./data and ../shared/data; else the public file is \
      downloaded and checked; without a network the demo invents data and says so.

      Example: tacit demo --data ./data
      """)

  @Option(help: "The directory with online_retail*.csv or .csv.gz.") var data: String?
  @Option(help: "Where the report and everything else of this run goes.") var output = "var/demo"
  @Option(help: "The most epsilon that may be spent.") var epsilonLimit = 2.0
  @Option(help: "What of it goes into the recommender.") var epsilon = 1.5
  @Flag(help: "Use invented data even where the real data set is at hand.") var synthetic = false
  @Option(help: "How many rows to invent.") var syntheticRows = 50_000
  @Flag(help: "Leave the services running; stop them with `tacit down --directory <output>/stack`.")
  var keep = false

  func run() async throws {
    var settings = DemoRun.Settings()
    settings.data = data.map { URL(filePath: $0) }
    settings.output = URL(filePath: output)
    settings.epsilonLimit = epsilonLimit
    settings.epsilonTraining = epsilon
    settings.forceSynthetic = synthetic
    settings.syntheticRowCount = syntheticRows
    settings.keepsStack = keep
    let report = try await DemoRun(settings).run()
    show(report)
    print("\nThe report: \(output)/report.html")
  }

  private func show(_ report: DemoReport) {
    func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
    print("\nData: \(report.data)\n")
    var table = Table("what", "figure", "beside")
    table.add("rows in", "\(report.rowsRead)")
    table.add("rows taken", "\(report.rowsAccepted)")
    for (reason, count) in report.refusals.sorted(by: { $0.value > $1.value }) {
      table.add("rows refused", "\(count)", reason)
    }
    table.add("customers", "\(report.customers)")
    table.add("receipts", "\(report.receipts)", "the others were never asked")
    table.add("features withheld", "\(report.featuresWithheld)", "\(report.featuresServed) served")
    table.add(
      "epsilon spent", fixed(report.epsilonSpent, 3),
      "of \(fixed(report.epsilonLimit, 3)), left \(fixed(report.epsilonLeft, 3)), delta \(report.delta)"
    )
    table.add(
      "overspending", report.overspendRefused ? "refused" : "NOT REFUSED",
      "asked for \(fixed(report.epsilonLimit, 1)) more")
    table.add(
      "customers, noisy", "\(report.noisyCustomers)", "± \(fixed(report.noisyCustomersMargin, 0))")
    table.add(
      "recall@20, all items", fixed(report.recallAt20All, 4),
      "popularity of 60 days, without noise: \(fixed(report.popularityRecallAt20All, 4))")
    table.add(
      "recall@20, never bought", fixed(report.recallAt20New, 4),
      "popularity of 60 days, without noise: \(fixed(report.popularityRecallAt20New, 4))")
    table.add(
      "withdrawal to silence", fixed(report.withdrawToSilenceMs, 1) + " ms",
      "\(report.personalAnswersAfterWithdrawal) personal answers begun after the reply")
    table.add(
      "erasure everywhere", fixed(report.eraseMs, 1) + " ms",
      "\(report.eraseFeaturesReadable) features readable afterwards")
    table.add(
      "recommendation", fixed(report.recommendP50Ms, 2) + " ms",
      "p50; p99 \(fixed(report.recommendP99Ms, 2)) ms")
    table.add("raw identifiers in files", "\(report.identifiersFound)")
    table.add("seconds in all", fixed(report.secondsTotal, 1))
    table.show()
  }
}
