internal import ArgumentParser
internal import RPC
internal import Transport

/// The ends of the consent service's benchmark, each a process of its own; `bench_consent.py` runs
/// them against a real service and prints what came of it.
@main
struct ConsentBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "consent-bench",
    abstract: "Loads a consent service and prints what it measured as JSON.",
    subcommands: [
      GateCommand.self, GrantsCommand.self, ChecksCommand.self, WithdrawalsCommand.self,
      GateTableCommand.self, ImportsCommand.self,
    ])
}

/// Where the service is, and how many people it knows.
struct Target: ParsableArguments {
  @Option(help: "The service's port on the loopback address.")
  var port: Int

  @Option(help: "How many people there are.")
  var people = 100_000

  /// A connection to the service.
  func client() throws -> RPCClient {
    try RPCClient(
      endpoint: try Endpoint(host: "127.0.0.1", port: port), security: .plainLoopback)
  }
}
