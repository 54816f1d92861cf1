internal import ArgumentParser
internal import PrivacyCore
internal import ServiceKit
internal import TrainerAPI

/// `ledger`: every charge of a budget.
struct LedgerCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger",
    abstract: "Show every charge of a budget, oldest first.",
    discussion: """
      A charge is reserved before its noise is drawn, and settled when the answer exists. One that \
      stays reserved counts as spent: its answer may exist. One that failed before any noise was \
      drawn is released and counts for nothing. Numbers have gaps: the entries between them say \
      what became of a charge. Epsilon is what a charge would cost alone; together they come to \
      less than their sum.

      Example:
        tacit-trainer ledger --dataset orders --purpose recommendations
      """)

  @OptionGroup var budget: BudgetOptions
  @Option(help: "Only charges after this number.") var after: UInt64 = 0
  @OptionGroup var client: ClientOptions

  private struct ChargeView: Encodable {
    let number: UInt64
    let at: String
    let principal: String
    let operation: String
    let mechanism: String
    let epsilon: Double
    let state: String
    let hash: String

    init(_ charge: Charge) {
      number = charge.number
      at = Timestamp(microseconds: charge.atUs).description
      principal = charge.principal
      operation = charge.operation
      mechanism = charge.mechanism
      epsilon = charge.epsilon
      state = charge.state.text
      hash = Hexadecimal.encode(charge.hash)
    }
  }

  func run() async throws {
    let charges = try await charges().map(ChargeView.init)
    if client.json { return try printJSON(charges) }
    if charges.isEmpty { return print("there is no charge") }
    var table = Table("number", "time", "who", "what", "mechanism", "epsilon", "state")
    for charge in charges {
      // A charge for several releases has a line for each.
      let mechanisms = charge.mechanism.split(separator: "; ").map(String.init)
      table.add(
        "\(charge.number)", charge.at, charge.principal, charge.operation,
        mechanisms.first ?? "", Figures.spent(charge.epsilon), charge.state)
      for mechanism in mechanisms.dropFirst() { table.add("", "", "", "", mechanism) }
    }
    table.show()
  }

  /// All of them, page by page.
  private func charges() async throws -> [Charge] {
    try await client.with(.trainer) { connection in
      let trainer = TrainerClient(connection)
      var request = LedgerRequest(
        dataset: budget.dataset, purpose: budget.purpose, after: after)
      var charges: [Charge] = []
      while true {
        let page = try await trainer.ledger(request, options: client.callOptions).charges
        guard let last = page.last else { return charges }
        charges += page
        request.after = last.number
      }
    }
  }
}

extension ChargeState {
  /// The state in a word.
  fileprivate var text: String {
    switch self {
    case .reserved: "reserved"
    case .settled: "settled"
    case .released: "released"
    case .unspecified, .unrecognized: "unknown"
    }
  }
}
