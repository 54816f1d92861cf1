public import ArgumentParser
internal import Foundation
internal import HealthAPI
public import PrivacyCore
internal import RPC

/// `incident`: what to do when keys, callers or machines may have been in other hands.
public struct IncidentCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "incident",
      abstract: "See what a time window touched; rotate the key and shred what the old one opens.",
      discussion: """
        docs/INCIDENT_RESPONSE.md says what to do first.

        Example:
          \(Program.service.programName) incident window --from 2026-03-01 --to 2026-03-02
        """,
      subcommands: [IncidentWindowCommand<Program>.self, RotateAndShredCommand<Program>.self])
  }

  public init() {}
}

/// The window, and whoever asks. `--to` is its end here, and not the service's address.
public struct IncidentWindowOptions: ParsableArguments, Sendable {
  @Option(
    help: ArgumentHelp(
      "The first moment, 2026-01-10T12:34:56Z or 2026-01-10.", valueName: "time"),
    transform: Reading.time)
  public var from: Timestamp

  @Option(
    help: ArgumentHelp("The first moment behind it.", valueName: "time"), transform: Reading.time)
  public var to: Timestamp

  @Flag(help: "List the pids too, for those who answer for people's data.")
  public var pids = false

  @OptionGroup public var identity: IdentityOptions

  @Flag(help: "Print JSON, for scripts.")
  public var json = false

  @Option(name: .customLong("timeout-ms"), help: "Give up after so many milliseconds.")
  public var timeoutMs = 600_000

  public init() {}

  public mutating func validate() throws {
    guard timeoutMs > 0 else { throw ValidationError("--timeout-ms must be above 0") }
    guard from < to else { throw ValidationError("--from must be before --to") }
  }

  /// Asks one service.
  ///
  /// - Parameter address: where it is; `nil`: where its variable says, or its port on this machine.
  public func window(
    of service: WellKnownService, at address: String? = nil
  ) async throws -> IncidentReport {
    let connection = try identity.client(of: service, at: address)
    do {
      let window = try await IncidentClient(connection).showWindow(
        ShowWindowRequest(
          fromUs: from.microseconds, toUs: to.microseconds, listPids: pids),
        options: CallOptions(timeoutMs: timeoutMs))
      await connection.close()
      return IncidentReport(service, window)
    } catch {
      await connection.close()
      throw error
    }
  }
}

/// `incident window`.
public struct IncidentWindowCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "window",
      abstract: "Who did what to how many people in a time window, under which keys.",
      discussion: """
        The answer comes from the audit log, which is read through and checked; exit 1 where it does \
        not hold. That you asked is logged.

        Example:
          \(Program.service.programName) incident window \\
              --from 2026-03-01T08:00:00Z --to 2026-03-01T09:30:00Z --json
        """)
  }

  @Option(
    help: ArgumentHelp(
      "Where the service is (TACIT_\(Program.service.rawValue.uppercased())_ENDPOINT).",
      valueName: "host:port"))
  public var endpoint: String?

  @OptionGroup public var window: IncidentWindowOptions

  public init() {}

  public func run() async throws {
    let report = try await window.window(of: Program.service, at: endpoint)
    try IncidentReport.show([report], json: window.json)
  }
}

/// `incident rotate-and-shred`.
public struct RotateAndShredCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "rotate-and-shred",
      abstract: "Seal everything under a new key, prove it, destroy the old ones, cut the journal.",
      discussion: """
        What hangs from the old versions beside the sealing key (pids, signatures) is kept, each by \
        itself, and said: those keys are as old as before. Says in the end what is left to be done \
        by hand. Cut off anywhere it can be run again with --resume, which makes no further version.

        Example: \(Program.service.programName) incident rotate-and-shred --yes
        """)
  }

  @OptionGroup public var client: ClientOptions

  @Option(
    name: .customLong("values-per-second"),
    help: "The most values to seal a second, 1 to 10000000 (200000).")
  public var valuesPerSecond: UInt32 = 200_000

  @Flag(help: "Go on with the newest version there is.") public var resume = false
  @Flag(help: "Yes, what only the old versions open may be lost.") public var yes = false

  public init() {}

  public mutating func validate() throws {
    guard yes else {
      throw ValidationError("what only the old versions open is lost with them; say --yes")
    }
    guard (1...10_000_000).contains(valuesPerSecond) else {
      throw ValidationError("--values-per-second takes 1 to 10000000")
    }
  }

  public func run() async throws {
    try await client.with(Program.service) { connection in
      let rotation = RotationClient(connection)
      let long = CallOptions(timeoutMs: 3_600_000)
      var steps = StepList(isJSON: client.json)
      let begun =
        resume
        ? try await rotation.resumeRotation(
          ResumeRotationRequest(valuesPerSecondMax: valuesPerSecond), options: client.callOptions)
        : try await rotation.startRotation(
          StartRotationRequest(valuesPerSecondMax: valuesPerSecond), options: client.callOptions)
      var view = RotationView(begun, client)
      steps.add("sealing under version \(view.version)")
      try await view.wait(connection)
      guard view.state == .done else {
        throw CommandFailure(
          "the sealing is \(view.state.name); run this again with --resume to go on")
      }
      steps.add("nothing is sealed under an earlier version any more")
      for version in view.retiredVersions {
        let reply = try await rotation.retireVersion(
          RetireVersionRequest(version: version, confirmed: true, keepDerived: true),
          options: long)
        steps.add(
          "version \(version) is destroyed, proven to change \(reply.provenSequence)"
            + (reply.kept.isEmpty ? "" : "; kept by themselves: \(reply.kept.count) keys"))
      }
      let cut = try await rotation.cutJournal(CutJournalRequest(), options: long)
      steps.add("the journal begins at change \(cut.firstSequence)")
      try steps.show(leftToDo: Self.leftToDo)
    }
  }

  /// What no program can do.
  private static var leftToDo: [String] {
    let name = Program.service.programName
    return [
      "stop the service, `\(name) compact`, start it: old pages of its files still hold what the "
        + "old key opened",
      "take a new `\(name) backup` and delete those from before: each brings the old key along, "
        + "wrapped",
      "rotate the root key in the KMS, `\(name) rewrap`, and disable the root key's old version",
      "decide on the keys that were kept: pids and signatures made with them stay as they are",
    ]
  }
}

/// Steps that were taken, told as they are.
private struct StepList {
  private struct Output: Encodable {
    let done: [String]
    let leftToDo: [String]

    enum CodingKeys: String, CodingKey {
      case done
      case leftToDo = "left_to_do"
    }
  }

  private let isJSON: Bool
  private var done: [String] = []

  init(isJSON: Bool) { self.isJSON = isJSON }

  mutating func add(_ step: String) {
    done.append(step)
    if !isJSON { print("\(done.count). \(step)") }
  }

  func show(leftToDo: [String]) throws {
    if isJSON { return try printJSON(Output(done: done, leftToDo: leftToDo)) }
    print("Left to do by hand:")
    for step in leftToDo { print("- \(step)") }
  }
}
