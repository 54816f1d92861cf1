internal import AccessGathering
internal import AccessPack
internal import ArgumentParser
internal import Foundation
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import VaultAPI

/// `access-request`: everything that is held of a person, for that person.
struct AccessRequestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "access-request",
    abstract: "Gather everything held of a person into one signed pack (GDPR 15 and 20).",
    discussion: """
      Asks all five services with the caller's own certificate, which needs the role privacy: the \
      vault at --to, the others where TACIT_CONSENT_ENDPOINT and the like say, else at their ports \
      on this machine. Every service logs the access before it answers. The directory must be new \
      or empty; only its owner may read what is written there:

        access.json     everything, for programs: hand it on as it is
        access.html     the same to read
        manifest.json   hashes, counts, and what each service signed

      Give an identifier that the person has shown; - reads it from standard input. With --pid \
      alone the pack has no identifiers: from a pid to a name leads only `reidentify`.

      A service that does not answer fails the command, and nothing is written. With --partial it \
      is left out, and the pack says so on its first page; the vault is never left out.

      Each pseudonym domain is asked by itself. Check a pack with `tacit verify access`.

      Examples:
        tacit-vault access-request --email - --ticket DSR-2026-17 --out pack-17
        tacit-vault access-request --pid PID --ticket DSR-2026-18 --out pack-18
      """)

  @Option(help: ArgumentHelp("An e-mail address; - reads it.", valueName: "address"))
  var email: String?
  @Option(help: ArgumentHelp("A phone number; - reads it.", valueName: "number"))
  var phone: String?
  @Option(help: ArgumentHelp("A customer number; - reads it.", valueName: "number"))
  var customerNumber: String?
  @Option(help: ArgumentHelp("The region of a phone number without a +.", valueName: "code"))
  var region: String?
  @Option(help: ArgumentHelp("The source system of a customer number.", valueName: "source"))
  var qualifier: String?
  // One pid in 64 begins with a dash.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("A pid, in place of an identifier.", valueName: "pid"),
    transform: Reading.pid)
  var pid: PseudonymousID?
  @Option(help: "The pseudonym domain of the identifier; the service's first.") var domain = ""
  @Flag(help: "Although several people may use the identifier.") var confirm = false
  @Option(help: "The ticket under which the person asked; it stands in every log.")
  var ticket: String
  @Option(help: ArgumentHelp("The new directory.", valueName: "directory")) var out: String
  @Flag(help: "Leave out services that do not answer, and say so in the pack.") var partial = false
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let directory: String
    let isComplete: Bool
    let missing: [String]
    let records: [String: Int]

    enum CodingKeys: String, CodingKey {
      case directory, missing, records
      case isComplete = "complete"
    }
  }

  func validate() throws {
    let count = [email, phone, customerNumber].compactMap(\.self).count + (pid == nil ? 0 : 1)
    guard count == 1 else {
      throw ValidationError("name one of --email, --phone, --customer-number, --pid")
    }
    guard pid == nil || (domain.isEmpty && !confirm) else {
      throw ValidationError("--domain and --confirm are for identifiers")
    }
  }

  func run() async throws {
    let question = try question()
    let directory = AccessDirectory(URL(filePath: out))
    try directory.prepare()
    let clients = Clients(options: client)
    let bar = ProgressBar("access request")
    let pack: AccessPack
    do {
      pack = try await AccessGathering(options: client.callOptions) {
        try await clients.client(of: $0)
      }.pack(
        about: question, madeAt: SystemTime().now, isPartial: partial,
        progress: { bar.update(Double($0) / Double(AccessPack.services.count)) })
    } catch {
      bar.finish()
      await clients.close()
      throw error
    }
    bar.finish()
    await clients.close()
    try directory.write(pack)
    try report(pack)
  }

  private func question() throws -> VaultHoldingsRequest {
    var question = VaultHoldingsRequest(domain: domain, ticket: ticket, confirm: confirm)
    if let pid {
      question.pid = pid.bytes
      return question
    }
    let identifier =
      if let email {
        try IdentifierInput.identifier(.email, email, qualifier: nil)
      } else if let phone {
        try IdentifierInput.identifier(.phone, phone, qualifier: region)
      } else {
        try IdentifierInput.identifier(
          .customerNumber, customerNumber ?? "", qualifier: qualifier)
      }
    if let refusal = IdentifierInput.refusal(of: identifier) { throw CommandFailure(refusal) }
    question.identifier = identifier
    return question
  }

  private func report(_ pack: AccessPack) throws {
    if client.json {
      return try printJSON(
        Answer(
          directory: out, isComplete: pack.isComplete, missing: pack.missing.map(\.service),
          records: Dictionary(
            pack.parts.map { ($0.service, $0.lines.count) }, uniquingKeysWith: { $1 })))
    }
    var table = Table("service", "section", "records")
    for part in pack.parts {
      for section in try part.sections() {
        table.add(part.service, section.name, "\(section.records.count)")
      }
    }
    table.show()
    for missing in pack.missing { print("missing: \(missing.service): \(missing.reason)") }
    print(pack.isComplete ? "wrote \(out), complete" : "wrote \(out), NOT complete")
  }
}

/// One client for each service that is asked.
private actor Clients {
  private let options: ClientOptions
  private var open: [RPCClient] = []

  init(options: ClientOptions) { self.options = options }

  func client(of name: String) throws -> RPCClient {
    guard let service = WellKnownService(rawValue: name) else {
      throw CommandFailure("there is no service \(name)")
    }
    let client =
      try service == .vault
      ? options.client(of: service) : options.identity.client(of: service)
    open.append(client)
    return client
  }

  func close() async {
    for client in open { await client.close() }
    open = []
  }
}
