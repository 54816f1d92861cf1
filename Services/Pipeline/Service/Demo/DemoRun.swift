internal import FeaturesAPI
package import Foundation
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import VectorsAPI

/// The demo: the whole product on one data set, from the first row to the last proof.
///
/// A directory of its own takes the stack, the checkpoints and the report; nothing outside it is
/// touched.
package final class DemoRun {
  /// What the demo may be told.
  package struct Settings: Sendable {
    package var data: URL?
    package var output = URL(filePath: "var/demo")
    package var composeFile = URL(filePath: "docker-compose.yml")
    package var examples = URL(filePath: "Examples/online-retail")
    package var epsilonLimit = 2.0
    package var epsilonTraining = 1.5
    package var epsilonQuery = 0.1
    package var delta = 1e-5
    package var syntheticRowCount = 50_000
    package var forceSynthetic = false
    package var keepsStack = false

    package init() {}
  }

  static let source = "retail_orders"
  static let purpose = "product_recommendations"
  static let historyFeature = "purchases:items"
  static let collection = "catalogue"

  let settings: Settings
  let stack: Stack
  var report = DemoReport()
  private var clients: [String: RPCClient] = [:]
  private let time = SystemTime()

  /// A demo with these settings.
  package init(_ settings: Settings) {
    self.settings = settings
    stack = Stack(root: settings.output.appending(path: "stack").standardizedFileURL)
  }

  /// Runs everything and writes the report.
  package func run() async throws -> DemoReport {
    let began = time.monotonicMicroseconds
    try await stopEarlierRun()
    do {
      try await perform()
    } catch {
      await closeClients()
      if !settings.keepsStack { try await stack.stop() }
      throw error
    }
    await closeClients()
    if !settings.keepsStack {
      try await stage("stop the services") { _ = try await stack.stop() }
    }
    report.identifiersFound = try IdentifierSweep(root: settings.output).count("@example.com")
    report.secondsTotal = Double(time.monotonicMicroseconds - began) / 1e6
    try report.write(into: settings.output)
    return report
  }

  private func perform() async throws {
    let data = try await stage("find the data") { try findData() }
    let mapping = try IngestMapping(contentsOf: settings.examples.appending(path: "mapping.yaml"))
    let history = try await stage("read the customers and the yardstick") {
      try RetailHistory(data, mapping: mapping)
    }
    report.data = data.origin.rawValue
    try await stage("start five services") {
      try await stack.start(composeFile: settings.composeFile, freePorts: true)
    }
    let pids = try await stage("pseudonyms and consents") {
      try await makeConsents(for: history.customers)
    }
    try await stage("ingest") { try await ingest(data, mapping: mapping) }
    let task = Self.task(in: history, origin: data.origin)
    try await stage("learn within the privacy budget") { try await train(task) }
    try await stage("recommend to \(task.subjects.count) customers, twice") {
      try await measureRecommendations(task, pids: pids)
    }
    try await stage("features under consent") {
      try await countWithheld(pids.values.sorted(), asOf: task.cut)
    }
    let chosen = Self.chooseCustomers(task)
    if let customer = chosen.first, let pid = pids[customer] {
      try await stage("one customer withdraws") { try await withdraw(pid, asOf: task.cut) }
    }
    if let customer = chosen.dropFirst().first, let pid = pids[customer] {
      try await stage("one customer is erased") { try await erase(pid, asOf: task.cut) }
    }
  }

  // MARK: - Steps

  private func findData() throws -> DemoData {
    let work = settings.output.appending(path: "data")
    if !settings.forceSynthetic {
      if let found = try DemoData.find(in: settings.data) { return found }
      if let downloaded = try DemoData.download(into: URL(filePath: "data")) { return downloaded }
      standardError(
        "The public data set is not at hand and can't be fetched: the demo goes on with invented data."
      )
    }
    return try DemoData.invent(in: work, rowCount: settings.syntheticRowCount)
  }

  private func ingest(_ data: DemoData, mapping: IngestMapping) async throws {
    let views = try String(
      contentsOf: settings.examples.appending(path: "views.yaml"), encoding: .utf8)
    let features = try client(.features, as: "pipeline")
    _ = try await FeaturesClient(features).applyViews(ApplyViewsRequest(yaml: views))
    for file in data.files {
      let run = try Ingest(
        file: file, mapping: mapping, directory: settings.output.appending(path: "ingest"),
        vault: client(.vault, as: "pipeline"), consent: client(.consent, as: "pipeline"),
        features: features)
      let bar = ProgressBar(file.lastPathComponent)
      let result = try await run.run { checkpoint in
        bar.update(.nan, note: "\(checkpoint.rowCount) rows")
      }
      bar.finish()
      report.rowsRead += result.rowCount
      report.rowsAccepted += result.acceptedCount
      report.rowsRefused += result.refusedCount + result.duplicateCount
      report.refusals.merge(result.refusals, uniquingKeysWith: +)
    }
  }

  private func countWithheld(_ pids: [PseudonymousID], asOf: Timestamp) async throws {
    let features = FeaturesClient(try client(.features, as: "marketing-dev"))
    for start in stride(from: 0, to: pids.count, by: 500) {
      let part = pids[start..<min(start + 500, pids.count)]
      let reply = try await features.get(
        GetRequest(
          pids: part.map(\.bytes),
          features: ["lines_90d", "spend_365d", "country"].map { "purchases:\($0)" },
          asOfUs: asOf.microseconds, purpose: "demo"))
      for value in reply.rows.flatMap(\.features) {
        switch value.status {
        case .present: report.featuresServed += 1
        // A default in the place of a value that consent does not cover is withheld, too.
        case .withheld: report.featuresWithheld += 1
        case .default where !value.reason.isEmpty: report.featuresWithheld += 1
        default: break
        }
      }
    }
  }

  // MARK: - Choices

  /// Real data is cut where the published task cuts it, three months before its end; other data
  /// behind 85 % of its span.
  private static func task(
    in history: RetailHistory, origin: DemoData.Origin
  ) -> RecommendationTask {
    let days = history.purchases.map(\.day)
    let first = days.min() ?? 0
    let last = days.max() ?? 0
    let published = Int32(Timestamp(rfc3339: "2011-06-01")?.day ?? 0)
    if origin == .onlineRetail, first < published, published <= last {
      return RecommendationTask(history, cutDay: published, windowDays: 92)
    }
    let cut = first + Int32(Double(last - first) * 0.85)
    return RecommendationTask(history, cutDay: cut, windowDays: last - cut + 1)
  }

  /// The two customers with the longest histories who allow everything.
  private static func chooseCustomers(_ task: RecommendationTask) -> [String] {
    task.subjects
      .filter { ConsentRule.scopes(ofCustomer: $0.customer).count == 3 }
      .sorted { ($0.bought.count, $0.customer) > ($1.bought.count, $1.customer) }
      .prefix(2).map(\.customer)
  }

  // MARK: - Tools

  /// Runs one step, prints its name and time, and writes both into the report.
  private func stage<Result>(
    _ name: String, _ body: () async throws -> Result
  ) async throws -> Result {
    let began = time.monotonicMicroseconds
    let result = try await body()
    let seconds = Double(time.monotonicMicroseconds - began) / 1e6
    report.stages.append(.init(name: name, seconds: seconds))
    print("  \(name): \(String(format: "%.1f", seconds)) s")
    return result
  }

  /// A client of a service under one of the stack's identities; kept until the end.
  func client(_ service: WellKnownService, as identity: String) throws -> RPCClient {
    let name = "\(service.rawValue) as \(identity)"
    if let known = clients[name] { return known }
    let client = try stack.client(of: service, as: identity)
    clients[name] = client
    return client
  }

  private func closeClients() async {
    for client in clients.values { await client.close() }
    clients = [:]
  }

  private func stopEarlierRun() async throws {
    try await stack.stop()
    try? FileManager.default.removeItem(at: settings.output)
    try FileManager.default.createDirectory(
      at: settings.output, withIntermediateDirectories: true)
  }
}
