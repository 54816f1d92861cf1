internal import ArgumentParser
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import VaultAPI

/// `rotation pids`: the keys that pids are made with.
struct PidRotationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pids",
    abstract: "Give everybody of a domain another pid, made with another key.",
    discussion: """
      The phases, in this order: pending (the vault computes), dual-write (the consent service \
      renames people, stores move their rows), dual-read (new pids are given out), retired (former \
      pids are nobody's). Until then both pids mean the same person.

      The new key hangs from the newest version of the vault's own key. Where the former one may be \
      known to somebody, make a new version first, with `rotation start`, and say --independent.

      Examples:
        tacit-vault rotation pids begin
        tacit-vault rotation pids advance dual-write --wait
        tacit-vault rotation pids advance dual-read --wait
        tacit-vault rotation pids advance retired --wait
        tacit-vault rotation pids status
      """,
    subcommands: [
      PidRotationBeginCommand.self, PidRotationAdvanceCommand.self, PidRotationStatusCommand.self,
      PidRotationAbandonCommand.self,
    ])
}

/// `rotation pids begin`.
struct PidRotationBeginCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "begin", abstract: "Make the next key and compute everybody's next pid.",
    discussion: """
      Nobody sees these pids before `advance dual-write`; `abandon` drops them. A domain whose pids \
      partners make is refused: they begin another domain.

      Example: tacit-vault rotation pids begin --independent
      """)

  @Option(help: "The pseudonym domain; the service's first.") var domain = ""
  @Flag(help: "Only with a key that does not hang from the same version as the former one.")
  var independent = false
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let status = try await client.with(.vault) {
      try await RotationClient($0).begin(
        BeginRotationRequest(domain: domain, independent: independent),
        options: client.callOptions)
    }
    try PidRotationView(status).show(client)
  }
}

/// A phase that one can go to.
enum PidRotationStep: String, ExpressibleByArgument, CaseIterable {
  case dualWrite = "dual-write"
  case dualRead = "dual-read"
  case retired

  var phase: RotationPhase {
    switch self {
    case .dualWrite: .dualWrite
    case .dualRead: .dualRead
    case .retired: .retired
    }
  }
}

/// `rotation pids advance`.
struct PidRotationAdvanceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "advance", abstract: "Go on to the next phase. There is no way back.",
    discussion: """
      Where something is not done yet, it says what, and nothing changes; with --wait it goes on as \
      soon as it may. After `retired` a former pid is nobody's: what applications still hold under \
      one is lost to them.

      Example: tacit-vault rotation pids advance dual-write --wait
      """)

  @Argument(help: "The phase: dual-write, dual-read or retired.") var phase: PidRotationStep
  @Flag(help: "Wait until it may begin, with a bar.") var wait = false
  @OptionGroup var client: ClientOptions

  /// How often it asks while it waits, in milliseconds.
  private static let intervalMs = 500

  func run() async throws {
    let status = try await client.with(.vault) { connection in
      let rotation = RotationClient(connection)
      if wait { try await waitUntilItMay(rotation) }
      return try await rotation.advance(
        AdvanceRotationRequest(phase: phase.phase), options: client.callOptions)
    }
    try PidRotationView(status).show(client)
  }

  private func waitUntilItMay(_ rotation: RotationClient) async throws {
    let time = SystemTime()
    let bar = ProgressBar("waiting")
    defer { bar.finish() }
    while true {
      let status = try await rotation.status(
        RotationStatusRequest(), options: client.callOptions)
      // A phase that is not the next one is refused at once, with the reason.
      guard status.phase.rawValue + 1 == phase.phase.rawValue, !status.waitsFor.isEmpty else {
        return
      }
      bar.update(PidRotationView(status).fractionDone, note: status.waitsFor[0])
      try await time.sleep(milliseconds: Self.intervalMs)
    }
  }
}

/// `rotation pids status`.
struct PidRotationStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract:
      "Show the phase, what each service has done, how fast, and what the next one waits for.",
    discussion: "Example: tacit-vault rotation pids status --json")

  @OptionGroup var client: ClientOptions

  func run() async throws {
    let status = try await client.with(.vault) {
      try await RotationClient($0).status(RotationStatusRequest(), options: client.callOptions)
    }
    try PidRotationView(status).show(client)
  }
}

/// `rotation pids abandon`.
struct PidRotationAbandonCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "abandon", abstract: "Give a rotation up that is still pending.",
    discussion: """
      What was computed is dropped, and the key is not used again.

      Example: tacit-vault rotation pids abandon
      """)

  @OptionGroup var client: ClientOptions

  func run() async throws {
    let status = try await client.with(.vault) {
      try await RotationClient($0).abandon(AbandonRotationRequest(), options: client.callOptions)
    }
    try PidRotationView(status).show(client)
  }
}
