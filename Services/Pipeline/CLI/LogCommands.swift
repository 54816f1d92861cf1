internal import ArgumentParser
internal import AuditAPI
internal import Foundation
internal import Pipeline
internal import RPC
internal import ServiceKit
internal import TransparencyLog

/// `tacit log`: a service's transparency log for those who want to check it.
struct LogCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "Show, prove and copy what a service's transparency log says.",
    discussion: """
      Every service keeps a log of what was done, in which nothing can be changed without its \
      showing. Its leaves hold no personal data. `tacit verify` checks what these commands write, \
      without a network.

      Example: tacit log show consent
      """,
    subcommands: [LogShow.self, LogPolicy.self, LogProve.self, LogExportCommand.self])
}

/// Which service's log, and how to reach it.
struct LogOptions: ParsableArguments {
  @Argument(help: "The service: consent, vault, features, trainer or vectors.")
  var service: WellKnownService

  @OptionGroup var client: ClientOptions

  @Flag(help: "Take the newest checkpoint that a witness cosigned.")
  var cosigned = false

  func with<Result>(_ body: (AuditClient) async throws -> Result) async throws -> Result {
    try await client.with(service) { try await body(AuditClient($0)) }
  }
}

/// Whom to trust: a policy file, or one key.
struct PolicyOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The file that says which logs and witnesses count, and how many witnesses are needed.",
      valueName: "file"))
  var policy: String?

  @Option(
    help: ArgumentHelp(
      "The key of a log, in place of a policy; may be given several times.", valueName: "vkey"))
  var logKey: [String] = []

  func read() throws -> TrustPolicy {
    guard let policy else {
      guard !logKey.isEmpty else {
        throw ValidationError("name whom to trust: --policy FILE, or --log-key VKEY")
      }
      return try TrustPolicy(logs: keys())
    }
    guard logKey.isEmpty else { throw ValidationError("give --policy or --log-key, not both") }
    let bytes = try LogDirectory.bytes(
      of: URL(filePath: policy), limit: TrustPolicy.byteCountMax)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure("\(policy) is not UTF-8")
    }
    return try TrustPolicy(text: text)
  }

  func keys() throws -> [NoteKey] {
    try logKey.map { text in
      do {
        return try NoteKey(text: text)
      } catch {
        throw ValidationError("--log-key: \(error)")
      }
    }
  }
}

/// `tacit log show`: the newest checkpoint, and the key for a policy.
struct LogShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show the newest checkpoint and the key that signs it.",
    discussion: """
      The key belongs into the policy of whoever checks this log; take it from the service once, \
      over a connection you trust, and keep it.

      Example: tacit log show consent
      """)

  @OptionGroup var log: LogOptions

  private struct Answer: Encodable {
    let key: String
    let origin: String
    let size: UInt64
    let root: String
    let note: String
  }

  func run() async throws {
    let reply = try await log.with {
      try await $0.checkpoint(
        CheckpointRequest(cosigned: log.cosigned), options: log.client.callOptions)
    }
    let note = try SignedNote(encoded: reply.note)
    let checkpoint = try Checkpoint(text: note.text)
    let text = String(decoding: note.encoded, as: UTF8.self)
    guard !log.client.json else {
      return try printJSON(
        Answer(
          key: reply.key, origin: checkpoint.origin, size: checkpoint.treeSize,
          root: checkpoint.rootHash.description, note: text))
    }
    print("key  \(reply.key)\n\n\(text)", terminator: "")
  }
}

/// `tacit log policy`: the keys of all logs, as a policy.
struct LogPolicy: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Print a policy that trusts the logs of all five services.",
    discussion: """
      Take it once, over connections you trust, and keep it: `tacit verify` goes by it. Witnesses \
      and a quorum of them are added by hand.

      Example: tacit log policy > policy.txt
      """)

  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable { let keys: [String] }

  func run() async throws {
    var keys: [String] = []
    for service in WellKnownService.allCases {
      let reply = try await client.with(service) {
        try await AuditClient($0).checkpoint(CheckpointRequest(), options: client.callOptions)
      }
      keys.append(reply.key)
    }
    if client.json { return try printJSON(Answer(keys: keys)) }
    for key in keys { print("log \(key)") }
    print("quorum none")
  }
}

/// `tacit log prove`: a proof file for one entry.
struct LogProve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove", abstract: "Write the proof that an entry is in the log.",
    discussion: """
      The file stands for itself: `tacit verify proof` needs it and a policy, and no service.

      Example: tacit log prove consent 41 --output entry-41.tlog-proof
      """)

  @OptionGroup var log: LogOptions
  @Argument(help: "The entry's place in the log, from 0.") var index: UInt64
  @Option(help: "The file to write; standard output where none is given.") var output: String?

  func run() async throws {
    let options = log.client.callOptions
    let proof = try await log.with { audit in
      let checkpoint = try await audit.checkpoint(
        CheckpointRequest(cosigned: log.cosigned), options: options)
      let note = try SignedNote(encoded: checkpoint.note)
      let size = try Checkpoint(text: note.text).treeSize
      let reply = try await audit.proveInclusion(
        ProveInclusionRequest(index: index, treeSize: size), options: options)
      return LogProof(
        index: index, path: try reply.path.map(LogExport.hash), note: note, extra: reply.leaf)
    }
    guard let output else {
      return print(String(decoding: proof.encoded, as: UTF8.self), terminator: "")
    }
    try Data(proof.encoded).write(to: URL(filePath: output), options: .atomic)
    print("wrote \(output)")
  }
}

/// `tacit log export`: the whole log as static files.
struct LogExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Copy a log into a directory of static files.",
    discussion: """
      The directory has the layout of C2SP tlog-tiles: any HTTP server can serve it. A copy that is \
      there already is continued, after the log has proven that it only grew.

      Example: tacit log export consent --directory logs/consent --policy policy.txt
      """)

  @OptionGroup var log: LogOptions
  @OptionGroup var trust: PolicyOptions
  @Option(help: "The directory.") var directory: String

  private struct Answer: Encodable {
    let origin: String
    let size: UInt64
    let files: Int
  }

  func run() async throws {
    let policy = try trust.read()
    let bar = ProgressBar("export")
    let outcome = try await log.with { audit in
      try await LogExport(
        audit, into: LogDirectory(URL(filePath: directory)), options: log.client.callOptions
      ).run(policy: policy, isCosigned: log.cosigned) { done, all in
        bar.update(Double(done) / Double(all))
      }
    }
    bar.finish()
    let checkpoint = outcome.checkpoint
    if log.client.json {
      return try printJSON(
        Answer(
          origin: checkpoint.origin, size: checkpoint.treeSize, files: outcome.fileCount))
    }
    print(
      "\(directory): \(checkpoint.origin), \(checkpoint.treeSize) entries, "
        + "\(outcome.fileCount) new files")
  }
}
