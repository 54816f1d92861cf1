internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import ServiceKit
internal import Testing

/// A shop whose customers all gave consent: people in the vault, receipts in the ledger, views in
/// force, and files of their orders.
struct Shop {
  /// One customer.
  struct Person {
    let number: Int
    let pid: String
    let consentID: String

    /// The address that the mapping derives from the customer number.
    var address: String { Shop.address(number) }
  }

  static let scopes = ["product_recs", "analytics", "personalization_geo"]
  static let itemCount = 40

  let live: LiveStack
  let people: [Person]

  static func address(_ number: Int) -> String { "c\(number)@example.com" }

  /// A shop with so many customers, each of whom allows everything.
  static func open(_ live: LiveStack, peopleCount: Int) async throws -> Shop {
    struct Row: Decodable { let pid: String }
    let numbers = (0..<peopleCount).map { 10_001 + $0 }
    let list = try live.file("people.txt", numbers.map { address($0) + "\n" }.joined())
    let rows = try await live.done("tacit-vault", "pseudonymize", list, "--create", "--json")
      .output.split(separator: "\n")
      .map { try JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
    try #require(rows.count == peopleCount)
    let people = zip(numbers, rows).map { number, row in
      Person(
        number: number, pid: row.pid,
        consentID: "\(ConsentID(at: SystemTime().now, random: SystemRandom()))")
    }
    let receipts = people.map {
      receipt(pid: $0.pid, consentID: $0.consentID, scopes: scopes) + "\n"
    }
    try await live.done(
      "tacit-consent", "import", try live.file("receipts.jsonl", receipts.joined()))
    try await live.done(
      "tacit-features", "views", "apply", try live.file("views.yaml", views))
    return Shop(live: live, people: people)
  }

  /// A line of receipt JSON; the consent began a month ago.
  static func receipt(
    pid: String, consentID: String, scopes: [String], grantedDaysAgo: Int64 = 30,
    days: Int64 = 365
  ) -> String {
    let granted = SystemTime().now.advanced(byMicroseconds: -grantedDaysAgo * 86_400_000_000)
    let names = scopes.map { "\"\($0)\"" }.joined(separator: ",")
    return "{\"consent_id\":\"\(consentID)\",\"user_id_hashed\":\"hmac:sha256:\(pid)\","
      + "\"scopes\":[\(names)],\"granted_at\":\"\(granted)\",\"expires_at\":\""
      + "\(granted.advanced(byMicroseconds: days * 86_400_000_000))\","
      + "\"source\":\"test\",\"version\":1}"
  }

  // MARK: - Orders

  /// A file of orders: so many lines of each customer, customer after customer.
  func orders(_ name: String = "orders.csv", linesPerPerson: Int) throws -> String {
    var text = SyntheticCRM.header + "\n"
    for (index, person) in people.enumerated() {
      for line in 0..<linesPerPerson {
        let item = (index * 7 + line * 3) % Self.itemCount
        text += "\(500_000 + index),\(20_000 + item),\(Self.description(item)),\(1 + line % 5),"
        text += "2026-0\(1 + line % 6)-1\(line % 9) 10:00:00,2.50,\(person.number),Germany\n"
      }
    }
    return try live.file(name, text)
  }

  /// The arguments that bring a file of orders in.
  func ingestArguments(_ file: String) -> [String] {
    [
      "ingest", "--mapping",
      Program.repository.appending(path: "Examples/online-retail/mapping.yaml").path, "--work",
      live.directory.appending(path: "ingest").path, file,
    ]
  }

  /// Where the ingest writes down how far it has come.
  func checkpointURL(_ file: String) -> URL {
    live.directory.appending(
      path: "ingest/\(URL(filePath: file).lastPathComponent).checkpoint.json")
  }

  /// How many order lines the feature store serves, of all customers together.
  func servedLineCount() async throws -> Int {
    struct Row: Decodable {
      struct Feature: Decodable { let value: Int? }
      let features: [String: Feature]
    }
    var output = ""
    // A gate that has no lease for a moment answers nobody rather than fewer people.
    try await eventually("the training set is served", limitSeconds: 120) {
      let outcome = try await live.run(
        "tacit-features", "training-set", "--scope", "analytics", "purchases:lines")
      output = outcome.output
      return outcome.status == 0
    }
    return try output.split(separator: "\n").reduce(0) { sum, line in
      let row = try JSONDecoder().decode(Row.self, from: Data(line.utf8))
      return sum + (row.features["purchases:lines"]?.value ?? 0)
    }
  }

  // MARK: - Learning

  /// What every charge of this shop goes to.
  static let budget = ["--dataset", "retail_orders", "--purpose", "recommendations"]

  /// Opens a budget.
  func openBudget(epsilon: Double = 4) async throws {
    let outcome = try await live.run(
      "tacit-trainer",
      ["budget", "create", "--epsilon", "\(epsilon)", "--delta", "1e-6"] + Self.budget)
    try #require(outcome.status == 0, "\(outcome)")
  }

  /// The arguments that train a model on the orders.
  func trainArguments(epsilon: Double) throws -> [String] {
    let rows = (0..<Self.itemCount).map { "\(20_000 + $0),\(Self.description($0))\n" }
    let catalogue = try live.file("catalogue.csv", "item,text\n" + rows.joined())
    return [
      "train", "--name", "recommender", "--epsilon", "\(epsilon)", "--history-feature",
      "purchases:items", "--scope", "analytics", "--catalogue", catalogue, "--json",
    ] + Self.budget
  }

  /// Brings orders in, trains a model and publishes it to the collection `items`.
  func learn(linesPerPerson: Int = 6) async throws {
    let ingested = try await live.run(
      "tacit", ingestArguments(try orders(linesPerPerson: linesPerPerson)))
    try #require(ingested.status == 0, "\(ingested)")
    try await openBudget()
    let trained = try await live.run("tacit-trainer", try trainArguments(epsilon: 1))
    try #require(trained.status == 0, "\(trained)")
    try await live.done(
      "tacit-vectors", "publish", "--model", "recommender", "--collection", "items")
  }

  private static func description(_ item: Int) -> String {
    let families = ["LANTERN", "TEACUP", "CUSHION", "GARLAND", "NOTEBOOK", "CLOCK", "BASKET"]
    let styles = ["RED", "BLUE", "IVORY", "STRIPED", "WOODEN", "GLASS"]
    return "\(styles[item % styles.count]) \(families[item % families.count]) NO \(item)"
  }

  private static let views = """
    views:
      - name: purchases
        entity: customer
        source: retail_orders
        features:
          - {name: items, type: tallies, aggregate: tally, field: item, where: {kind: purchase}, scope: product_recs}
          - {name: lines, type: int, aggregate: count, scope: analytics}
          - {name: country, type: string, aggregate: last, field: country, scope: personalization_geo}
      - name: profile
        entity: customer
        features:
          - {name: segment, type: string, scope: analytics}
          - {name: score, type: double, scope: analytics}

    """
}
