internal import ArgumentParser
internal import Foundation
internal import PrivacyCore
internal import ServiceKit
internal import VaultAPI

/// `pseudonymize`: identifiers in, pids out.
struct PseudonymizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pseudonymize",
    abstract: "Give the pids of identifiers, single ones or those of a file.",
    discussion: """
      Single identifiers are given by --email, --phone and --customer-number, each as often as \
      needed. The value - is read from standard input, one line for each, in the order e-mail \
      addresses, phone numbers, customer numbers: an identifier on a command line can be read in \
      the list of processes and in the shell's history.

      A file has one identifier a line, all of the --kind given, or JSON lines with a kind each:

        {"kind":"email","value":"ann@example.com"}
        {"kind":"phone","value":"030 1234567","qualifier":"DE"}
        {"kind":"customer-number","value":"000471","qualifier":"shop"}

      Where a line has no qualifier, --region and --qualifier count; further members of the \
      object are passed over, and so are empty lines. Out comes one line for each pid, with the \
      number of the line it belongs to. Lines that are refused go to standard error, or to the \
      file that --rejects names, with number and reason, never with their content; with --json \
      they are in the output, which then has one object a line.

      Everybody has a pid, also people whom the vault does not know: `known` says whether it does. \
      With --create they are recorded, with the identifier sealed and a subject key, so that \
      services can keep something of them. Repeating the command records nobody twice.

      With --both, and while pid keys are rotated, the person's other pid stands beside: what to \
      replace in what applications have stored.

      Examples:
        tacit-vault pseudonymize --email - --create
        tacit-vault pseudonymize --phone - --region DE --json
        tacit-vault pseudonymize customers.txt --kind email --create > pids.tsv
        zcat crm.jsonl.gz | tacit-vault pseudonymize - --json > pids.jsonl
      """)

  @Argument(help: ArgumentHelp("A file of identifiers; - is standard input.", valueName: "file"))
  var file: String?

  @Option(
    name: .customLong("email"),
    help: ArgumentHelp("An e-mail address; - reads it.", valueName: "address"))
  var emails: [String] = []
  @Option(
    name: .customLong("phone"),
    help: ArgumentHelp("A phone number; - reads it.", valueName: "number"))
  var phones: [String] = []
  @Option(
    name: .customLong("customer-number"),
    help: ArgumentHelp("A customer number; - reads it.", valueName: "number"))
  var customerNumbers: [String] = []

  @Option(
    help: ArgumentHelp(
      "The region of phone numbers without a leading +, an ISO 3166 code such as DE.",
      valueName: "code"))
  var region: String?
  @Option(
    help: ArgumentHelp(
      "The source system of customer numbers, a name such as shop.", valueName: "source"))
  var qualifier: String?
  @Option(
    help: ArgumentHelp(
      "What the lines of a file are: email, phone or customer-number; email.", valueName: "kind"))
  var kind: String?
  @Option(
    help: ArgumentHelp(
      "Where refused lines of a file are listed; standard error.", valueName: "file"))
  var rejects: String?
  @Option(help: "The pseudonym domain; the service's first.") var domain = ""
  @Flag(help: "Record people whom the vault does not know.") var create = false
  @Flag(help: "Show the person's other pid too, while pid keys are rotated.") var both = false
  @OptionGroup var client: ClientOptions

  func validate() throws {
    let count = emails.count + phones.count + customerNumbers.count
    guard (file == nil) != (count == 0) else {
      throw ValidationError("give a file, or identifiers by --email, --phone, --customer-number")
    }
    if let kind {
      guard file != nil else { throw ValidationError("--kind is for the lines of a file") }
      guard IdentifierKind(name: kind) != nil else {
        throw ValidationError("--kind takes email, phone or customer-number")
      }
    }
    guard rejects == nil || (file != nil && !client.json) else {
      throw ValidationError("--rejects is for a file, without --json")
    }
    guard count <= Self.identifierCountMax else {
      throw ValidationError("put more than \(Self.identifierCountMax) identifiers into a file")
    }
  }

  private static let identifierCountMax = 1_000

  func run() async throws {
    guard let file else { return try await runSingle() }
    let defaults = IdentifierLines.Defaults(
      kind: kind.flatMap(IdentifierKind.init(name:)) ?? .email, region: region,
      source: qualifier)
    let output = PseudonymOutput(
      isJSON: client.json, showsBoth: both, rejects: RejectList(path: rejects))
    let job = PseudonymizeFile(
      lines: try IdentifierLines(path: file, defaults: defaults), domain: domain, create: create,
      both: both, output: output)
    try await client.with(.vault) { try await job.run(VaultClient($0)) }
    if output.refusedCount > 0 { throw ExitCode(ExitStatus.failed) }
  }

  // MARK: - Single identifiers

  private struct Answer: Encodable {
    struct Entry: Encodable {
      let kind: String
      var pid: String?
      var otherPid: String?
      var known = false
      var refusal: String?

      enum CodingKeys: String, CodingKey {
        case kind, pid, known, refusal
        case otherPid = "other_pid"
      }
    }

    var keyVersion: UInt32 = 0
    var pseudonyms: [Entry] = []

    enum CodingKeys: String, CodingKey {
      case keyVersion = "key_version"
      case pseudonyms
    }
  }

  private func runSingle() async throws {
    let identifiers =
      try emails.map { try IdentifierInput.identifier(.email, $0, qualifier: nil) }
      + phones.map { try IdentifierInput.identifier(.phone, $0, qualifier: region) }
      + customerNumbers.map {
        try IdentifierInput.identifier(.customerNumber, $0, qualifier: qualifier)
      }
    let refusals = identifiers.map(IdentifierInput.refusal(of:))
    let request = PseudonymizeRequest(
      domain: domain, identifiers: zip(identifiers, refusals).filter { $1 == nil }.map(\.0),
      create: create, both: both)
    let reply = try await client.with(.vault) {
      try await VaultClient($0).pseudonymize(request, options: client.callOptions)
    }
    var answer = Answer(keyVersion: reply.keyVersion)
    var pseudonyms = reply.pseudonyms.makeIterator()
    for (identifier, refusal) in zip(identifiers, refusals) {
      var entry = Answer.Entry(kind: identifier.kind.name, refusal: refusal)
      if refusal == nil, let pseudonym = pseudonyms.next() {
        entry.pid = PseudonymousID(bytes: pseudonym.pid)?.description
        entry.otherPid = PseudonymousID(bytes: pseudonym.otherPid)?.description
        entry.known = pseudonym.known
        entry.refusal = pseudonym.refusal.isEmpty ? nil : pseudonym.refusal
      }
      answer.pseudonyms.append(entry)
    }
    try show(answer)
    if answer.pseudonyms.contains(where: { $0.pid == nil }) { throw ExitCode(ExitStatus.failed) }
  }

  private func show(_ answer: Answer) throws {
    if client.json { return try printJSON(answer) }
    var table =
      both ? Table("identifier", "pid", "known", "other") : Table("identifier", "pid", "known")
    var counts: [String: Int] = [:]
    for entry in answer.pseudonyms {
      counts[entry.kind, default: 0] += 1
      let name = "\(entry.kind) \(counts[entry.kind, default: 0])"
      if let pid = entry.pid {
        if both {
          table.add(name, pid, entry.known ? "yes" : "no", entry.otherPid ?? "")
        } else {
          table.add(name, pid, entry.known ? "yes" : "no")
        }
      } else {
        standardError("\(name): \(entry.refusal ?? "the service gave no pid")")
      }
    }
    if answer.pseudonyms.contains(where: { $0.pid != nil }) { table.show() }
  }
}
