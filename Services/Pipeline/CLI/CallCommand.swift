internal import ArgumentParser
internal import DynamicMessages
internal import Foundation
internal import Pipeline
internal import RPC
internal import SchemaModel
internal import ServiceKit

struct CallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "call",
    abstract: "Call any method of any service, with JSON in and JSON out.",
    discussion: """
      The request is JSON, `-` for standard input, @FILE for a file, or fields as name=value (a \
      field inside another message: receipt.source=web; a repeated one: once for each element). \
      Where a method takes many requests, each line of standard input or of the file is one, and \
      replies are printed while they are sent. One reply is printed as a document, many one a \
      line. Byte lists are base64url, as pids are written. Secret fields are printed as "…". \
      Identifiers of people belong in a file or in standard input: a shell keeps a history.

      The server says itself what it answers, so that methods newer than this program work too; \
      `tacit describe` shows it.

      Examples:
        tacit call Consent/Check pid=$PID scope=product_recs
        tacit call Consent/Check '{"pid":"'$PID'","scope":"product_recs"}'
        tacit call --service vault Health/Check
        tacit call Consent/Watch follow=true
      """)

  @Argument(
    help: ArgumentHelp(
      "Consent/Check, or tacit.consent.v1.Consent/Check.", valueName: "method"),
    completion: .custom { _, _, _ in MethodNames.short() })
  var method: String

  @Argument(help: ArgumentHelp("The request; without one, no field is set.", valueName: "request"))
  var words: [String] = []

  @OptionGroup var server: ServerOptions

  @Option(
    name: .customLong("timeout-ms"),
    help: "Give up after so many milliseconds (30,000; without limit where something is streamed).")
  var timeoutMs: Int?

  @Option(
    help: ArgumentHelp("What travels with the call; may be repeated.", valueName: "name=value"))
  var metadata: [String] = []

  @Flag(help: "Print fields that are zero or empty, too.") var all = false
  @Flag(help: "Print the values of secret fields.") var secrets = false

  func validate() throws {
    if let timeoutMs, timeoutMs <= 0 { throw ValidationError("--timeout-ms must be above 0") }
    guard metadata.allSatisfy({ $0.dropFirst().contains("=") }) else {
      throw ValidationError("--metadata is given as name=value")
    }
  }

  func run() async throws {
    let client = try server.client(answering: method)
    do {
      try await run(through: client)
      await client.close()
    } catch {
      await client.close()
      throw error
    }
  }

  private func run(through client: RPCClient) async throws {
    let show = CallErrors()
    let schema = try await show.reporting {
      try await ServerSchema.reflected(by: client, options: CallOptions(timeoutMs: timeoutMs))
    }
    if let reservation = schema.reservation { standardError("tacit call: \(reservation)") }
    var call = DynamicCall(
      try asUsage { () throws(NameError) in try schema.method(named: method) }, of: schema,
      through: client)
    call.style = JSONStyle(showsAll: all, showsSecrets: secrets)
    call.options = options
    let requests = try RequestSource(words, for: call)
    let isStream = call.givesMany
    try await show.reporting {
      try await call.run(next: { try await requests.next() }) { reply in
        print(isStream ? reply.line : reply.document)
        // Whoever reads a stream through a pipe wants each line when it comes.
        fflush(nil)
      }
    }
  }

  private var options: CallOptions {
    var options = CallOptions(timeoutMs: timeoutMs)
    for entry in metadata {
      let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      options.metadata.add(String(parts[0]), String(parts[1]))
    }
    return options
  }
}

/// Which server is meant.
struct ServerOptions: ParsableArguments {
  @Option(
    name: .customLong("to"),
    help: ArgumentHelp(
      "Where the server is, as host:port.",
      discussion: "Else from TACIT_<SERVICE>_ENDPOINT, else the service's port on this machine."))
  var endpoint: String?

  @Option(help: "Which service it is; else the one that the method's name says.")
  var service: WellKnownService?

  @OptionGroup var identity: IdentityOptions

  /// Whether a server is named.
  var isGiven: Bool { endpoint != nil || service != nil }

  /// A client of the named server, else of the one that answers `method`.
  func client(answering method: String?) throws -> RPCClient {
    if let service { return try identity.client(of: service, at: endpoint) }
    if let endpoint { return try identity.client(at: endpoint) }
    guard let method else { throw ValidationError("name a server with --service or --to") }
    do {
      return try identity.client(of: .answering(method, by: .embedded()))
    } catch let error as NameError {
      throw ValidationError(error.description)
    }
  }
}

/// The names for shell completion.
enum MethodNames {
  /// `Consent/Check` for every method of this build.
  static func short() -> [String] {
    guard let schema = try? ServerSchema.embedded() else { return [] }
    return schema.services.flatMap { service in
      service.methods.map { "\(service.name)/\($0.name)" }
    }
  }
}

/// Runs `body`; a name that stands for nothing, or a request that does not fit, was not understood.
func asUsage<Result, Failure: Error & CustomStringConvertible>(
  _ body: () throws(Failure) -> Result
) throws -> Result {
  do throws(Failure) {
    return try body()
  } catch {
    throw ValidationError(error.description)
  }
}

/// Shows what became of a call that failed.
struct CallErrors {
  /// Runs `body`; a failed call is reported with its code and details, and is exit status 1.
  func reporting<Result>(_ body: () async throws -> Result) async throws -> Result {
    do {
      return try await body()
    } catch let error as RPCError {
      standardError("tacit: \(error)")
      for detail in error.details { standardError("  \(detail.key): \(detail.value)") }
      throw ExitCode(ExitStatus.failed)
    } catch let error as DynamicMessageError {
      throw CommandFailure("the request cannot be sent: \(error)")
    }
  }
}
