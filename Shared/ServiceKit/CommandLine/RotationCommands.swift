public import ArgumentParser
internal import Foundation
internal import HealthAPI
internal import PrivacyCore
internal import RPC

/// `rotation`: the key that seals the running service's store.
public struct RotationCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "rotation",
      abstract: "Seal the store under a new version of the service's key, and retire the old one.",
      discussion: """
        Reads and writes go on. The sealing survives the end of the process; the next one goes on \
        where it was.

        Examples:
          \(Program.service.programName) rotation start --wait
          \(Program.service.programName) rotation status --count
          \(Program.service.programName) rotation retire --version 1 --yes
        """,
      subcommands: [
        RotationStartCommand<Program>.self, RotationStatusCommand<Program>.self,
        RotationPauseCommand<Program>.self, RotationResumeCommand<Program>.self,
        RotationRetireCommand<Program>.self,
      ])
  }

  public init() {}
}

/// How fast, and whether to wait.
public struct RotationPaceOptions: ParsableArguments, Sendable {
  @Option(
    name: .customLong("values-per-second"),
    help: "The most values to seal a second, 1 to 10000000 (20000).")
  public var valuesPerSecond: UInt32 = 20_000

  @Flag(help: "Wait until everything is sealed, with a bar.")
  public var wait = false

  public init() {}

  public mutating func validate() throws {
    guard (1...10_000_000).contains(valuesPerSecond) else {
      throw ValidationError("--values-per-second takes 1 to 10000000")
    }
  }
}

/// `rotation start`.
public struct RotationStartCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "start", abstract: "Make a new version and begin to seal everything under it.",
      discussion: "Example: \(Program.service.programName) rotation start --wait")
  }

  @OptionGroup public var client: ClientOptions
  @OptionGroup public var pace: RotationPaceOptions

  public init() {}

  public func run() async throws {
    try await client.with(Program.service) { connection in
      let begun = try await RotationClient(connection).startRotation(
        StartRotationRequest(valuesPerSecondMax: pace.valuesPerSecond),
        options: client.callOptions)
      var view = RotationView(begun, client)
      try await view.finish(connection, waiting: pace.wait)
    }
  }
}

/// `rotation status`.
public struct RotationStatusCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "status",
      abstract: "Show the versions, how much is left, how fast and until when.",
      discussion: """
        With --count the whole store is read, to say how many values each version seals.

        Example: \(Program.service.programName) rotation status --count --json
        """)
  }

  @OptionGroup public var client: ClientOptions
  @Flag(help: "Count the values of each version.") public var count = false

  public init() {}

  public func run() async throws { try await run(beside: nil) }

  /// Shows it; in JSON with one member more, for a service whose keys are rotated in another way too.
  public func run(beside member: (name: String, value: any Encodable)?) async throws {
    let status = try await client.with(Program.service) {
      try await RotationClient($0).showRotation(
        ShowRotationRequest(count: count),
        options: count ? CallOptions(timeoutMs: 3_600_000) : client.callOptions)
    }
    try RotationView(status, client).show(beside: member)
  }
}

/// `rotation pause`.
public struct RotationPauseCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "pause", abstract: "Let the sealing wait, also beyond a restart.",
      discussion: "Example: \(Program.service.programName) rotation pause")
  }

  @OptionGroup public var client: ClientOptions

  public init() {}

  public func run() async throws {
    let status = try await client.with(Program.service) {
      try await RotationClient($0).pauseRotation(
        PauseRotationRequest(), options: client.callOptions)
    }
    try RotationView(status, client).show()
  }
}

/// `rotation resume`.
public struct RotationResumeCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "resume",
      abstract: "Go on, or seal what earlier versions still seal; makes no new version.",
      discussion: "Example: \(Program.service.programName) rotation resume --wait")
  }

  @OptionGroup public var client: ClientOptions
  @OptionGroup public var pace: RotationPaceOptions

  public init() {}

  public func run() async throws {
    try await client.with(Program.service) { connection in
      let begun = try await RotationClient(connection).resumeRotation(
        ResumeRotationRequest(valuesPerSecondMax: pace.valuesPerSecond),
        options: client.callOptions)
      var view = RotationView(begun, client)
      try await view.finish(connection, waiting: pace.wait)
    }
  }
}

/// `rotation retire`.
public struct RotationRetireCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "retire",
      abstract:
        "Destroy a version that seals nothing any more; the whole store is read to prove it.",
      discussion: """
        Backups from before hold values under it and cannot be read without it, but for those that \
        hold the key themselves: a backup brings its keys.json along, wrapped by the KMS. Other keys \
        that hang from the version, such as those of pids and of the audit log's signature, are named \
        and are a reason to refuse; --keep-derived keeps each of them by itself, wrapped. The key \
        that seals cannot be computed from them.

        Example: \(Program.service.programName) rotation retire --version 1 --yes
        """)
  }

  @OptionGroup public var client: ClientOptions
  @Option(help: "The version.") public var version: UInt32
  @Flag(name: .customLong("keep-derived"), help: "Keep the other keys that hang from it.")
  public var keepDerived = false
  @Flag(help: "Yes, what only this version opens may be lost.") public var yes = false

  public init() {}

  public mutating func validate() throws {
    guard yes else {
      throw ValidationError("what only this version opens is lost with it; say --yes")
    }
  }

  public func run() async throws {
    let reply = try await client.with(Program.service) {
      try await RotationClient($0).retireVersion(
        RetireVersionRequest(version: version, confirmed: true, keepDerived: keepDerived),
        options: CallOptions(timeoutMs: 3_600_000))
    }
    if client.json {
      return try printJSON(RetiredOutput(version: version, reply))
    }
    print(
      "version \(version) is destroyed: nothing up to change \(reply.provenSequence) is sealed "
        + "under it")
    for name in reply.kept { print("kept by itself: \(name)") }
  }
}

struct RetiredOutput: Encodable {
  let version: UInt32
  let provenSequence: UInt64
  let kept: [String]

  enum CodingKeys: String, CodingKey {
    case version
    case provenSequence = "proven_sequence"
    case kept
  }

  init(version: UInt32, _ reply: RetireVersionReply) {
    self.version = version
    provenSequence = reply.provenSequence
    kept = reply.kept
  }
}
