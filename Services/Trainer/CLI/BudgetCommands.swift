internal import ArgumentParser
internal import ServiceKit
internal import TrainerAPI

/// Which budget a command is about.
struct BudgetOptions: ParsableArguments {
  @Option(help: "The data set: an event source of the feature store, or a view of written rows.")
  var dataset: String
  @Option(help: "What it is for: a name such as recommendations.") var purpose: String
}

/// `budget`: opens and shows budgets.
struct BudgetCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "budget", abstract: "Open a privacy budget, or show what is left of one.",
    discussion: """
      Example: tacit-trainer budget show --dataset orders --purpose recommendations
      """,
    subcommands: [Create.self, Show.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "create",
      abstract: "Open the budget of a data set and purpose, once and for all.",
      discussion: """
        Epsilon bounds what anybody can find out about one person from all answers and models \
        together: with 1, whatever they see is at most 2.7 times as likely as without that \
        person; with 3, 20 times. Delta is the chance that this does not hold; below one over the \
        number of people.

        It cannot be raised afterwards. The same command again is answered with the budget that \
        is there; other numbers are refused.

        Example:
          tacit-trainer budget create --dataset orders --purpose recommendations \\
              --epsilon 3 --delta 1e-6
        """)

    @OptionGroup var budget: BudgetOptions
    // A negative number must reach the service, which says what is wrong with it.
    @Option(
      parsing: .unconditional,
      help: "The most epsilon that may ever be spent; above 0 and finite.")
    var epsilon: Double
    @Option(parsing: .unconditional, help: "The delta it is stated at; above 0, below 1.")
    var delta: Double
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let reply = try await client.with(.trainer) {
        try await TrainerClient($0).createBudget(
          CreateBudgetRequest(
            dataset: budget.dataset, purpose: budget.purpose, epsilonLimit: epsilon, delta: delta),
          options: client.callOptions)
      }
      try BudgetView(reply).show(json: client.json)
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Show a budget and what is left of it.",
      discussion: """
        Example: tacit-trainer budget show --dataset orders --purpose recommendations
        """)

    @OptionGroup var budget: BudgetOptions
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let reply = try await client.with(.trainer) {
        try await TrainerClient($0).showBudget(
          ShowBudgetRequest(dataset: budget.dataset, purpose: budget.purpose),
          options: client.callOptions)
      }
      try BudgetView(reply).show(json: client.json)
    }
  }
}
