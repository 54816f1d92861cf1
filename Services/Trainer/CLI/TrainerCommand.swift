internal import ArgumentParser
internal import ServiceKit

@main
enum Main {
  static func main() async { await runCommand(TrainerCommand.self) }
}

/// `tacit-trainer`: the trainer, and a command for each thing a person asks of it.
struct TrainerCommand: AsyncParsableCommand, ServiceProgram {
  static let service = WellKnownService.trainer

  static let configuration = CommandConfiguration(
    commandName: "tacit-trainer",
    abstract: "What may be learned from many people, within a stated privacy budget.",
    discussion: """
      A budget belongs to a data set and a purpose. It is opened once, with the most epsilon that \
      may ever be spent and the delta this is stated at, and cannot be raised. Every noisy count \
      and every model is charged to it before it is computed; what does not fit any more is \
      refused. Numbers without noise do not leave this service.

      Only people who allow the scope now are counted or learned from.

      Example: a first budget, a question, a model.
        tacit-trainer budget create --dataset orders --purpose recommendations \\
            --epsilon 3 --delta 1e-6
        tacit-trainer query --dataset orders --purpose recommendations \\
            --scope analytics --epsilon 0.1
        tacit-trainer train --name recommender \\
            --dataset orders --purpose recommendations --epsilon 1.5 \\
            --history-feature purchases:items --scope analytics \\
            --catalogue items.csv
        tacit-trainer models show recommender
        tacit-trainer ledger --dataset orders --purpose recommendations

      Exit status: 0 done, 1 refused or failed, 2 not understood.
      """,
    version: TacitVersion.text,
    subcommands: [
      ServeCommand.self, BudgetCommand.self, LedgerCommand.self, QueryCommand.self,
      TrainCommand.self, ModelsCommand.self, StatusCommand<Self>.self, HealthCommand<Self>.self,
      BackupCommand<Self>.self, RestoreCommand<Self>.self, RewrapCommand<Self>.self,
      CompactCommand<Self>.self, RotationCommand<Self>.self, IncidentCommand<Self>.self,
      VerifyCommand<Self>.self,
    ])
}
