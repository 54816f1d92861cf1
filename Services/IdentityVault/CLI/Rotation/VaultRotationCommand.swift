internal import ArgumentParser
internal import RPC
internal import ServiceKit
internal import VaultAPI

/// `rotation`: the key that seals the store, as every service has it, and the keys of pids.
struct VaultRotationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rotation",
    abstract: "Replace the key that seals the store, or the keys that pids are made with.",
    discussion: """
      Reads and writes go on in both. Each survives the end of the process; the next one goes on \
      where it was.

      Examples:
        tacit-vault rotation start --wait
        tacit-vault rotation status
        tacit-vault rotation retire --version 1 --yes --keep-derived
        tacit-vault rotation pids begin
      """,
    subcommands: [
      RotationStartCommand<VaultCommand>.self, VaultRotationStatusCommand.self,
      RotationPauseCommand<VaultCommand>.self, RotationResumeCommand<VaultCommand>.self,
      RotationRetireCommand<VaultCommand>.self, PidRotationCommand.self,
    ])
}

/// `rotation status`: both.
struct VaultRotationStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show the versions of the key that seals, and how far the keys of pids are.",
    discussion: """
      With --count the whole store is read, to say how many values each version seals. Keys of pids \
      alone: rotation pids status.

      Example: tacit-vault rotation status --json
      """)

  @OptionGroup var sealing: RotationStatusCommand<VaultCommand>

  func run() async throws {
    let client = sealing.client
    let status = try await client.with(.vault) {
      try await RotationClient($0).status(RotationStatusRequest(), options: client.callOptions)
    }
    let view = PidRotationView(status)
    try await sealing.run(beside: ("pids", view.output))
    guard !client.json else { return }
    print()
    view.show()
  }
}
