internal import ArgumentParser
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import TrainerAPI

/// `train`: learns a model.
struct TrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Learn a model of what is popular, and charge the budget for it.",
    discussion: """
      The catalogue is a file of public items with their codes and descriptions: CSV with a header \
      line (.csv), or a JSON object a line (.jsonl); either may be compressed (.gz). An item that \
      is not in it is not learned. Nothing personal may be in it.

      The charge is made before the first person is read. A run that fails or is interrupted \
      before the noise is drawn gives it back; from then on the model is kept, whether or not this \
      command still listens. It takes as long as it takes: --timeout-ms does not count here.

      Example:
        tacit-trainer train --name recommender \\
            --dataset orders --purpose recommendations --epsilon 1.5 \\
            --history-feature purchases:items --scope analytics \\
            --catalogue items.csv --item-column code --text-column description
      """)

  @Option(help: "The model's name; may be given to several, one after the other.") var name: String
  @OptionGroup var budget: BudgetOptions
  @Option(help: "The tally feature of what people had, as view:feature.") var historyFeature: String
  @Option(help: "The scope a person must have allowed for learning.") var scope: String
  @Option(parsing: .unconditional, help: "What to spend; above 0 and finite.") var epsilon: Double
  @Option(help: ArgumentHelp("As of what time; now.", valueName: "time"), transform: Reading.time)
  var asOf: Timestamp?
  @OptionGroup var catalogue: CatalogueOptions
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let request = TrainRequest(
      name: name, dataset: budget.dataset, purpose: budget.purpose,
      historyFeature: historyFeature, scope: scope, epsilon: epsilon,
      asOfUs: asOf?.microseconds ?? 0, catalogue: try catalogue.items())
    var model: Model?
    try await client.with(.trainer) { connection in
      let bar = ProgressBar("training")
      defer { bar.finish() }
      let stream = try await TrainerClient(connection).train(
        request, options: CallOptions(timeoutMs: 0))
      for try await progress in stream {
        bar.update(progress.fraction, note: progress.stage)
        model = progress.model ?? model
      }
    }
    guard let model else { throw CommandFailure("the trainer ended without a model") }
    let view = ModelView(model)
    if client.json { return try printJSON(view) }
    view.show()
    print(
      "charged epsilon \(Figures.spent(view.epsilon)); serve it with "
        + "`tacit-vectors publish --model \(view.modelID) --collection <name>`")
  }
}
