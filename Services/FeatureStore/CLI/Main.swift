internal import ArgumentParser
internal import FeatureStoreService
internal import Renaming
internal import ServiceKit

@main
enum Main {
  static func main() async { await runCommand(TacitFeatures.self) }
}

/// `tacit-features`: the feature store and the commands that talk to it.
struct TacitFeatures: AsyncParsableCommand, ServiceProgram {
  static let service = WellKnownService.features

  static let configuration = CommandConfiguration(
    commandName: "tacit-features",
    abstract: "Consent-gated features of people.",
    discussion: """
      A view says in YAML which features there are, how they are folded from events, and which \
      scope a person must have allowed for each. Events and rows come in under a consent receipt; \
      features go out only while that person allows their scope.

      Examples:
        tacit-features views apply views.yaml
        tacit-features write-events --source orders events.jsonl
        tacit-features get --pid <pid> purchases:*
        tacit-features training-set --scope analytics purchases:* > people.jsonl

      Exit status: 0 done, 1 refused or failed, 2 not understood.
      """,
    version: TacitVersion.text,
    subcommands: [
      Serve.self, Views.self, Get.self, WriteRow.self, WriteEvents.self, TrainingSet.self,
      StatusCommand<Self>.self, HealthCommand<Self>.self, BackupCommand<Self>.self,
      RestoreCommand<Self>.self, RewrapCommand<Self>.self, CompactCommand<Self>.self,
      RotationCommand<Self>.self, IncidentCommand<Self>.self, VerifyCommand<Self>.self,
    ])
}

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the feature store.",
    discussion: """
      It needs the consent service, which tells its gate who allows what, and the vault, which \
      gives it the keys people's rows are sealed under. Without the consent service it withholds \
      every feature.

      Example: tacit-features serve --peer consent=127.0.0.1:7101 --peer vault=127.0.0.1:7102
      """)

  @OptionGroup var options: ServeOptions

  @Option(
    help: ArgumentHelp(
      "How many rows a second are moved to new pids at most, while pid keys are rotated "
        + "(TACIT_REKEY_ROWS_PER_SECOND; 120000).",
      valueName: "count"))
  var rekeyRowsPerSecond: String?

  func run() async throws {
    var configuration = FeatureStoreConfiguration()
    let text = Environment.setting(
      rekeyRowsPerSecond, variable: RekeyPace.variable,
      default: "\(configuration.rekeyPace.rowsPerSecondMax)")
    guard let pace = RekeyPace(text: text) else {
      throw ValidationError("\(RekeyPace.variable) takes a number from 1 on, not \"\(text)\"")
    }
    configuration.rekeyPace = pace
    try await serve(.features, options: options) { [configuration] in
      try FeatureStoreService($0, configuration: configuration)
    }
  }
}
