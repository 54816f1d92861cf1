internal import ArgumentParser
internal import PrivacyCore
internal import ServiceKit
internal import VaultAPI

/// `merge`: makes two people one.
struct MergeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Say that two people whom the vault knows are one.",
    discussion: """
      From then on all their identifiers give the survivor's pid. The merged pid's subject key is \
      destroyed, so that rows under it can not be read any more; and its receipts say nothing of \
      the survivor. So first withdraw its consent, purge its rows or write them anew, and then say \
      --rows-settled.

      Where an identifier looks shared (family@…) or is marked so, or where both people have \
      several identifiers, somebody with the scope vault.confirm must say --confirm.

      `split` takes it back, with a new subject key.

      Example:
        tacit-vault merge --survivor PID --merged PID --provenance crm:merge-03 \\
            --rows-settled
      """)

  // One pid in 64 begins with a dash.
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Whose pid stays.", valueName: "pid"),
    transform: Reading.pid)
  var survivor: PseudonymousID
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Whose pid becomes another name of the survivor.", valueName: "pid"),
    transform: Reading.pid)
  var merged: PseudonymousID
  @Option(help: "Who says so, up to 256 bytes: crm:merge-2026-03.") var provenance: String
  @Flag(help: "No store holds rows under the merged pid any more.") var rowsSettled = false
  @Flag(help: "Although an identifier is shared, or both have several.") var confirm = false
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let pid: String
    let identifiersMoved: UInt32

    enum CodingKeys: String, CodingKey {
      case pid
      case identifiersMoved = "identifiers_moved"
    }
  }

  func run() async throws {
    let request = MergeRequest(
      survivor: survivor.bytes, merged: merged.bytes, provenance: provenance, confirm: confirm,
      rowsSettled: rowsSettled)
    let reply = try await client.with(.vault) {
      try await LinkingClient($0).merge(request, options: client.callOptions)
    }
    let answer = Answer(
      pid: PseudonymousID(bytes: reply.pid)?.description ?? "",
      identifiersMoved: reply.identifiersMoved)
    if client.json { return try printJSON(answer) }
    print(
      answer.identifiersMoved == 0
        ? "were one already: \(answer.pid)"
        : "merged; identifiers moved: \(answer.identifiersMoved)\n\(answer.pid)")
  }
}

/// `split`: parts people who were linked or merged.
struct SplitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "split",
    abstract: "Make a linked or merged pid a person of its own again.",
    discussion: """
      What came with the pid goes with it. The new person has a new subject key, no rows and no \
      consent: ask anew.

      Example:
        tacit-vault split --pid PID --provenance crm:household-2026-04
      """)

  @OptionGroup var person: PersonOption
  @Option(help: "Who says so, up to 256 bytes.") var provenance: String
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let from: String
    let identifiersMoved: UInt32

    enum CodingKeys: String, CodingKey {
      case from
      case identifiersMoved = "identifiers_moved"
    }
  }

  func run() async throws {
    let request = SplitRequest(pid: person.pid.bytes, provenance: provenance)
    let reply = try await client.with(.vault) {
      try await LinkingClient($0).split(request, options: client.callOptions)
    }
    let answer = Answer(
      from: PseudonymousID(bytes: reply.from)?.description ?? "",
      identifiersMoved: reply.identifiersMoved)
    if client.json { return try printJSON(answer) }
    print("split; identifiers moved: \(answer.identifiersMoved)\nfrom \(answer.from)")
  }
}

/// `mark-shared`: says that several people use an identifier.
struct MarkSharedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mark-shared",
    abstract: "Say that several people use an identifier, or with --remove that they do not.",
    discussion: """
      Nobody is linked or merged because of such an identifier unless somebody with the scope \
      vault.confirm says so. Addresses like family@… and info@… count as shared by themselves.

      The value - is read from standard input.

      Example:
        tacit-vault mark-shared --phone - --provenance crm:household-2026-04
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
  @Option(help: "Who says so, up to 256 bytes.") var provenance: String
  @Option(help: "The pseudonym domain; the service's first.") var domain = ""
  @Flag(help: "It is not shared any more.") var remove = false
  @OptionGroup var client: ClientOptions

  func validate() throws {
    guard [email, phone, customerNumber].compactMap(\.self).count == 1 else {
      throw ValidationError("name one of --email, --phone, --customer-number")
    }
  }

  func run() async throws {
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
    let request = MarkSharedRequest(
      domain: domain, identifier: identifier, shared: !remove, provenance: provenance)
    let reply = try await client.with(.vault) {
      try await LinkingClient($0).markShared(request, options: client.callOptions)
    }
    if client.json { return try printJSON(["changed": reply.changed]) }
    print(
      (reply.changed ? "" : "nothing to change: ")
        + (remove ? "not shared" : "shared by several people"))
  }
}
