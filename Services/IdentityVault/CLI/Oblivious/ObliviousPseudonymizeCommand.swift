internal import ArgumentParser
internal import Cryptography
internal import PrivacyCore
internal import ServiceKit
internal import VaultAPI

/// `oblivious pseudonymize`: identifiers of a file in, pids out; only blinded ones leave.
struct ObliviousPseudonymizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pseudonymize",
    abstract: "Give the pids of a file's identifiers, which stay on this machine.",
    discussion: """
      The file is as for `tacit-vault pseudonymize`: one identifier a line, all of the --kind \
      given, or JSON lines with a kind each. Out comes one line for each pid with the number of \
      the line it belongs to. Lines that are refused go to standard error, or to the file that \
      --rejects names, with number and reason, never with their content; with --json they are in \
      the output, which then has one object a line.

      With --public-key (once for each kind of identifier) the vault must prove that it answers \
      under one of these keys; without it the proof speaks of whatever key the vault shows now.

      Example:
        tacit-vault oblivious pseudonymize list.txt --as partner-acme \\
            --public-key KEY > pids.tsv
      """)

  @Argument(help: ArgumentHelp("A file of identifiers; - is standard input.", valueName: "file"))
  var file: String
  @Option(help: "What the lines are: email, phone or customer-number.") var kind = "email"
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
    name: .customLong("public-key"),
    help: ArgumentHelp("A key that the vault is known for, in hexadecimal.", valueName: "key"))
  var publicKeys: [String] = []
  @Option(
    help: ArgumentHelp("Where refused lines are listed; standard error.", valueName: "file"))
  var rejects: String?
  @Option(help: "The domain; the one with the caller's name.") var domain = ""
  @OptionGroup var client: ClientOptions

  func validate() throws {
    guard IdentifierKind(name: kind) != nil else {
      throw ValidationError("--kind takes email, phone or customer-number")
    }
    guard publicKeys.allSatisfy({ Self.publicKey($0) != nil }) else {
      throw ValidationError("--public-key takes 66 hexadecimal digits, a point of P-256")
    }
    guard rejects == nil || !client.json else {
      throw ValidationError("--rejects goes without --json")
    }
  }

  private static func publicKey(_ text: String) -> ObliviousPublicKey? {
    Hexadecimal.decode(text).flatMap { try? ObliviousPublicKey(bytes: $0) }
  }

  func run() async throws {
    let lines = try IdentifierLines(
      path: file,
      defaults: IdentifierLines.Defaults(
        kind: IdentifierKind(name: kind) ?? .email, region: region, source: qualifier))
    let refusedCount = try await client.with(.vault) {
      var job = ObliviousFile(
        vault: VaultClient($0), options: client.callOptions, domain: domain,
        knownKeys: publicKeys.compactMap(Self.publicKey), lines: lines, isJSON: client.json,
        rejects: RejectList(path: rejects))
      return try await job.run()
    }
    if refusedCount > 0 { throw ExitCode(ExitStatus.failed) }
  }
}
