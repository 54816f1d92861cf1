internal import ArgumentParser
internal import Renaming
internal import ServiceKit
internal import VectorSearchService

/// `serve`: runs the service.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run vector search until it is told to stop.",
    discussion: """
      Only one process can serve a store. It needs the consent service, which tells its gate who \
      allows what; the vault, which gives it the keys people's vectors are sealed under; the \
      feature store, which has people's histories; and the trainer when a model is published. \
      Without the consent service everybody is a stranger.

      Example:
        tacit-vectors serve \\
            --peer consent=127.0.0.1:7101 --peer vault=127.0.0.1:7102 \\
            --peer features=127.0.0.1:7103 --peer trainer=127.0.0.1:7104
      """)

  @OptionGroup var options: ServeOptions

  @Option(
    help: ArgumentHelp(
      "The most results of one answer, 1 to 100 (TACIT_RESULTS_MAX; 20).", valueName: "count"))
  var resultsMax: String?

  @Option(
    help: ArgumentHelp(
      "How many searches and recommendations a caller may have in a second, 1 to 500000; twice "
        + "that at once after a pause (TACIT_CALLS_PER_SECOND; 2000).",
      valueName: "count"))
  var callsPerSecond: String?

  @Option(
    help: ArgumentHelp(
      "How many rows a second are moved to new pids at most, while pid keys are rotated "
        + "(TACIT_REKEY_ROWS_PER_SECOND; 120000).",
      valueName: "count"))
  var rekeyRowsPerSecond: String?

  func run() async throws {
    let configuration = try configuration()
    try await serve(.vectors, options: options) { runtime in
      try await VectorSearchService(runtime, configuration: configuration)
    }
  }

  private func configuration() throws -> VectorSearchConfiguration {
    var configuration = VectorSearchConfiguration()
    func number(_ flag: String?, _ variable: String, _ value: Int) throws -> Int {
      let text = Environment.setting(flag, variable: variable, default: "\(value)")
      guard let number = Int(text), (1...500_000).contains(number) else {
        throw ValidationError("\(variable) takes a number from 1 on, not \"\(text)\"")
      }
      return number
    }
    configuration.resultCountMax = try number(
      resultsMax, "TACIT_RESULTS_MAX", configuration.resultCountMax)
    configuration.callsPerSecond = try number(
      callsPerSecond, "TACIT_CALLS_PER_SECOND", configuration.callsPerSecond)
    configuration.callsInBurst = 2 * configuration.callsPerSecond
    let text = Environment.setting(
      rekeyRowsPerSecond, variable: RekeyPace.variable,
      default: "\(configuration.rekeyPace.rowsPerSecondMax)")
    guard let pace = RekeyPace(text: text) else {
      throw ValidationError("\(RekeyPace.variable) takes a number from 1 on, not \"\(text)\"")
    }
    configuration.rekeyPace = pace
    if let fault = configuration.fault { throw ValidationError(fault) }
    return configuration
  }
}
