public import ArgumentParser
internal import CommonAPI
internal import Foundation
internal import HealthAPI
internal import KeyManagement
internal import RPC
internal import SealedStore

/// The commands that every service's program has for its store and its health. A program names
/// its service once, and lists these among its subcommands.
public protocol ServiceProgram {
  /// Which service the program is of.
  static var service: WellKnownService { get }
}

/// `health`: exits with 0 when the service takes calls; for orchestrators.
public struct HealthCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "health", abstract: "Say whether the service takes calls; exit 1 if not.",
      discussion: "Example: \(Program.service.programName) health --timeout-ms 2000")
  }

  @OptionGroup public var client: ClientOptions

  public init() {}

  public func run() async throws {
    // A container checks itself with the certificate of its own service.
    try await client.with(Program.service) { connection in
      let reply = try await HealthClient(connection).check(
        CheckRequest(), options: client.callOptions)
      guard reply.state == .ready else { throw CommandFailure("not ready: \(reply.advice)") }
      if client.json { try printJSON(["ready": true]) } else { print("ready") }
    }
  }
}

/// `status`: what the service holds.
public struct StatusCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "status", abstract: "Show what the service holds.",
      discussion: "Example: \(Program.service.programName) status")
  }

  @OptionGroup public var client: ClientOptions

  public init() {}

  public func run() async throws {
    let status = try await client.with(Program.service) {
      try await HealthClient($0).status(StatusRequest(), options: client.callOptions)
    }
    if client.json {
      let measures = Dictionary(
        status.measures.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
      return try printJSON(measures)
    }
    var table = Table("measure", "value")
    for measure in status.measures { table.add(measure.name, Table.figure(measure.value)) }
    print("\(Program.service.programName) \(status.version), last change \(status.lastSequence)")
    table.show()
  }
}

/// `backup`: a consistent copy of the running service's store.
public struct BackupCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "backup",
      abstract: "Copy the store of the running service into a new directory.",
      discussion: """
        The directory is made on the machine where the service runs. Rows stay sealed in it, and \
        the service's keys in it stay wrapped: it is of no use without the root key of the KMS, so \
        keep a copy of that, and keep it elsewhere. Rows of a person who is erased later cannot be \
        read from it, unless a backup of the vault from before the erasure is restored too.

        Example:
          \(Program.service.programName) backup --directory /backups/\(Program.service.rawValue)
        """)
  }

  @OptionGroup public var client: ClientOptions

  // `to` is the endpoint everywhere; a backup's target is a directory.
  @Option(name: .customLong("directory"), help: "The new directory.")
  public var directory: String

  public init() {}

  public func run() async throws {
    let reply = try await client.with(Program.service) {
      try await UpkeepClient($0).backup(
        BackupRequest(directory: URL(filePath: directory).path),
        options: CallOptions(timeoutMs: 3_600_000))
    }
    if client.json { return try printJSON(["last_sequence": reply.lastSequence]) }
    print("wrote \(directory), complete to change \(reply.lastSequence)")
  }
}

/// `restore`: puts a backup where a store shall be. The service must not run.
public struct RestoreCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "restore",
      abstract: "Put a backup in the place of the store; the service must be stopped.",
      discussion: """
        The service's keys come with it, wrapped; the KMS must be the one that they were made with. \
        Another keys.json that stands there is kept as keys.json.before-restore. A store that is \
        newer than the backup is only replaced with --force.

        Example:
          \(Program.service.programName) restore --from /backups/\(Program.service.rawValue)
        """)
  }

  @Option(help: "The directory that `backup` wrote.") public var from: String
  @Option(help: "The directory of the store (TACIT_STORE).") public var store: String?
  @Flag(help: "Replace a store that is newer than the backup.") public var force = false

  public init() {}

  public func run() async throws {
    let target = Environment.setting(
      store, variable: "TACIT_STORE", default: "var/stack/\(Program.service.rawValue)-store")
    try SealedStore.restore(
      from: URL(filePath: from), to: URL(filePath: target), force: force)
    print("restored \(target) from \(from)")
  }
}

/// `rewrap`: moves the service's keys to another key management service.
public struct RewrapCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "rewrap",
      abstract: "Wrap the service's keys by another KMS, or anew by the same.",
      discussion: """
        The keys in keys.json stay the same, and so does all that they seal; what changes is the \
        root key that wraps them. Both KMS must be at hand. The file changes at once or not at all. \
        The service may run meanwhile; start it with the new --kms from then on. Backups from \
        before still need the old root key.

        Example:
          \(Program.service.programName) rewrap \\
              --kms file:var/stack/trust/kms/\(Program.service.rawValue).json \\
              --to 'pkcs11:/usr/lib/softhsm/libsofthsm2.so?token=tacit&key=root'
        """)
  }

  @Option(
    help: ArgumentHelp("The KMS that wraps the keys now (TACIT_KMS).", valueName: "provider:place"))
  public var kms: String?
  @Option(help: ArgumentHelp("The KMS that shall wrap them.", valueName: "provider:place"))
  public var to: String
  @Option(help: "The directory of the store (TACIT_STORE).") public var store: String?

  public init() {}

  public func run() async throws {
    let name = Program.service.rawValue
    let directory = Environment.setting(
      store, variable: "TACIT_STORE", default: "var/stack/\(name)-store")
    let old = try Reading.keyManagementService(
      Environment.setting(
        kms, variable: "TACIT_KMS", default: "file:var/stack/trust/kms/\(name).json"))
    let new = try Reading.keyManagementService(to)
    let count = try await ServiceKeys.rewrap(
      service: name, directory: URL(filePath: directory), from: old, to: new)
    print("keys wrapped by \(new.providerName): \(count); start the service with --kms \(to)")
  }
}

/// `verify`: reads the whole store and the audit log through.
public struct VerifyCommand<Program: ServiceProgram>: AsyncParsableCommand {
  public static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "verify",
      abstract: "Open every row of the running service's store and check its audit log.",
      discussion: """
        Everything written before is counted and opened. Exit 1 where anything is wrong.

        Example: \(Program.service.programName) verify
        """)
  }

  @OptionGroup public var client: ClientOptions

  public init() {}

  private struct Answer: Encodable {
    let rows: [String: Double]
    let auditEntryCount: UInt64
    let problems: [String]

    enum CodingKeys: String, CodingKey {
      case rows
      case auditEntryCount = "audit_entry_count"
      case problems
    }

    init(_ reply: VerifyReply) {
      rows = Dictionary(reply.tables.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
      auditEntryCount = reply.auditEntryCount
      problems = reply.problems
    }
  }

  public func run() async throws {
    let reply = try await client.with(Program.service) {
      try await UpkeepClient($0).verify(
        VerifyRequest(), options: CallOptions(timeoutMs: 3_600_000))
    }
    if client.json {
      try printJSON(Answer(reply))
    } else {
      var table = Table("table", "rows")
      for measure in reply.tables { table.add(measure.name, Table.figure(measure.value)) }
      table.show()
      print("audit log: \(reply.auditEntryCount) entries, each follows from the one before it")
    }
    guard reply.problems.isEmpty else {
      throw CommandFailure(reply.problems.joined(separator: "\n"))
    }
    if !client.json { print("nothing is wrong") }
  }
}
