internal import ArgumentParser
internal import ServiceKit
internal import TrainerService

/// `serve`: runs the service.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run the trainer until it is told to stop.",
    discussion: """
      Only one process can serve a store. It needs the consent service, which tells its gate who \
      allows what, and the feature store, which has people's data. Before it takes calls it reads \
      the whole privacy ledger: one that was changed by anything else is refused.

      Example:
        tacit-trainer serve \\
            --peer consent=127.0.0.1:7101 --peer features=127.0.0.1:7103
      """)

  @OptionGroup var options: ServeOptions

  func run() async throws {
    try await serve(.trainer, options: options) { try await TrainerService($0) }
  }
}
