internal import ArgumentParser
internal import Foundation
internal import PrivacyCore
internal import ServiceKit
internal import VaultAPI

/// `reidentify`: the way back from pids to identifiers, for people who may go it together.
struct ReidentifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reidentify",
    abstract: "From pids back to identifiers: four eyes more, once, and logged.",
    discussion: """
      Somebody asks for a purpose and with a legal ticket; two other people approve; then whoever \
      asked gets one answer, within the time that the warrant is valid. Who a person is, is the \
      name in the certificate: the same name in another role is the same person. Every step is in \
      the audit log before it takes effect, and what cannot be logged does not happen.

      Examples:
        tacit-vault reidentify request --pid PID --purpose "breach notice" \\
            --ticket LEGAL-812 --token-file w.token --as legal-ann
        tacit-vault reidentify approve r_01… --as privacy-ben
        tacit-vault reidentify redeem r_01… --token-file w.token --as legal-ann
        tacit-vault reidentify freeze --reason "stolen laptop"
      """,
    subcommands: [
      RequestSubcommand.self, ApproveSubcommand.self, DenySubcommand.self,
      WithdrawSubcommand.self, RedeemSubcommand.self, ListSubcommand.self, FreezeSubcommand.self,
      UnfreezeSubcommand.self,
    ])
}

/// The case that a command is about.
struct CaseArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The case, as `request` printed it.", valueName: "case"))
  var id: String
}

/// `reidentify request`: opens a case.
struct RequestSubcommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "request",
    abstract: "Ask for the identifiers of up to 100 people.",
    discussion: """
      The answer holds a token that redeems the warrant once two other people have approved. It is \
      shown once, and the vault keeps only its hash: whoever loses it asks anew.

      Purpose and ticket are shown to those who approve, and logged; they must not hold an \
      identifier.

      Example:
        tacit-vault reidentify request --pid PID --purpose "breach notice" \\
            --ticket LEGAL-812 --token-file w.token --as legal-ann
      """)

  // One pid in 64 begins with a dash.
  @Option(
    name: .customLong("pid"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A person; may be given several times.", valueName: "pid"),
    transform: Reading.pid)
  var pids: [PseudonymousID]
  @Option(help: "What the identifiers are needed for, up to 256 bytes.") var purpose: String
  @Option(help: "The legal ticket, up to 128 bytes.") var ticket: String
  @Option(
    help: ArgumentHelp(
      "Where the token goes, a new file that only you can read; else it is printed.",
      valueName: "file"))
  var tokenFile: String?
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let `case`: CaseOutput
    let token: String?
  }

  func run() async throws {
    let request = RequestReidentificationRequest(
      pids: pids.map(\.bytes), purpose: purpose, ticket: ticket)
    let file = try tokenFile.map { try TokenFile(creating: $0) }
    let reply: RequestReidentificationReply
    do {
      reply = try await client.with(.vault) {
        try await ReidentificationClient($0).request(request, options: client.callOptions)
      }
    } catch {
      file?.remove()
      throw error
    }
    let token = Base64URL.encode(reply.token)
    try file?.write(token)
    let opened = CaseOutput(reply.opened ?? ReidentificationCase())
    if client.json {
      return try printJSON(Answer(case: opened, token: tokenFile == nil ? token : nil))
    }
    opened.show()
    if tokenFile == nil { print("token        \(token)") }
  }
}

/// `reidentify redeem`: uses the warrant.
struct RedeemSubcommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "redeem",
    abstract: "Use the warrant of a case: its one answer.",
    discussion: """
      The token is read from the file, or from standard input. The warrant is used up when the \
      vault answers, also where the answer does not arrive: then ask anew. Of a person who was \
      forgotten there is nothing to answer, and that is said.

      The answer holds identifiers in the clear: mind where you send it.

      Example:
        tacit-vault reidentify redeem r_01… --token-file w.token --as legal-ann
      """)

  @OptionGroup var reidentification: CaseArgument
  @Option(
    help: ArgumentHelp("The file with the token; else standard input.", valueName: "file"))
  var tokenFile: String?
  @OptionGroup var client: ClientOptions

  private struct Person: Encodable {
    struct Named: Encodable {
      let kind: String
      let value: String
      let source: String
      let provenance: String
    }

    let pid: String
    let standing: String
    let identifiers: [Named]
  }

  func run() async throws {
    let request = RedeemWarrantRequest(
      id: reidentification.id, token: try TokenFile.read(tokenFile))
    let reply = try await client.with(.vault) {
      try await ReidentificationClient($0).redeem(request, options: client.callOptions)
    }
    let people = reply.people.map { person in
      Person(
        pid: PseudonymousID(bytes: person.pid)?.description ?? "",
        standing: person.forgotten ? "forgotten" : person.known ? "known" : "unknown",
        identifiers: person.identifiers.map {
          Person.Named(
            kind: $0.kind.name, value: $0.value, source: $0.source, provenance: $0.provenance)
        })
    }
    if client.json { return try printJSON(people) }
    var table = Table("pid", "kind", "identifier", "source", "linked by")
    for person in people {
      if person.identifiers.isEmpty { table.add(person.pid, person.standing) }
      for identifier in person.identifiers {
        table.add(
          person.pid, identifier.kind, identifier.value, identifier.source, identifier.provenance)
      }
    }
    table.show()
  }
}
