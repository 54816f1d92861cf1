internal import ArgumentParser
internal import PrivacyCore
internal import ServiceKit
internal import VaultAPI

/// `link`: says that another identifier is the same person's.
struct LinkCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "link",
    abstract: "Say that another identifier is the same person's.",
    discussion: """
      The first identifier (--email, --phone or --customer-number) must be known to the vault, the \
      second (--alias-email, --alias-phone or --alias-customer-number) must not be somebody \
      else's. From then on both give the pid of the first. Linking what is linked already changes \
      nothing.

      Where one of them looks shared (family@…) or is marked so, somebody with the scope \
      vault.confirm must say --confirm. Two people whom the vault knows are joined by `merge`.

      The value - is read from standard input, the first identifier's line before the alias's: an \
      identifier on a command line can be read in the list of processes and in the shell's history.

      The provenance says who knows that the two are one person. It is shown by `show` and must \
      not hold an identifier.

      Examples:
        tacit-vault link --email - --alias-phone - --provenance crm:merge-2026-03
        tacit-vault link --customer-number - --qualifier shop \\
            --alias-customer-number - --alias-qualifier billing \\
            --provenance crm:migration
      """)

  @Option(help: ArgumentHelp("The known e-mail address; - reads it.", valueName: "address"))
  var email: String?
  @Option(help: ArgumentHelp("The known phone number; - reads it.", valueName: "number"))
  var phone: String?
  @Option(help: ArgumentHelp("The known customer number; - reads it.", valueName: "number"))
  var customerNumber: String?
  @Option(help: ArgumentHelp("The region of a phone number without a +.", valueName: "code"))
  var region: String?
  @Option(help: ArgumentHelp("The source system of a customer number.", valueName: "source"))
  var qualifier: String?

  @Option(help: ArgumentHelp("The e-mail address to link; - reads it.", valueName: "address"))
  var aliasEmail: String?
  @Option(help: ArgumentHelp("The phone number to link; - reads it.", valueName: "number"))
  var aliasPhone: String?
  @Option(help: ArgumentHelp("The customer number to link; - reads it.", valueName: "number"))
  var aliasCustomerNumber: String?
  @Option(help: ArgumentHelp("The alias's region; as --region.", valueName: "code"))
  var aliasRegion: String?
  @Option(help: ArgumentHelp("The alias's source system; as --qualifier.", valueName: "source"))
  var aliasQualifier: String?

  @Option(help: "Who says so, up to 256 bytes: crm:merge-2026-03.") var provenance: String
  @Option(help: "The pseudonym domain; the service's first.") var domain = ""
  @Flag(help: "Although one of them looks shared or is marked so.") var confirm = false
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let pid: String
    let created: Bool
  }

  func validate() throws {
    guard [email, phone, customerNumber].compactMap(\.self).count == 1 else {
      throw ValidationError("name the person by one of --email, --phone, --customer-number")
    }
    guard [aliasEmail, aliasPhone, aliasCustomerNumber].compactMap(\.self).count == 1 else {
      throw ValidationError(
        "link one of --alias-email, --alias-phone, --alias-customer-number")
    }
  }

  func run() async throws {
    let primary = try identifier(
      email: email, phone: phone, customerNumber: customerNumber, region: region, source: qualifier)
    let alias = try identifier(
      email: aliasEmail, phone: aliasPhone, customerNumber: aliasCustomerNumber,
      region: aliasRegion ?? region, source: aliasQualifier ?? qualifier)
    if let refusal = IdentifierInput.refusal(of: primary) {
      throw CommandFailure("the identifier that names the person: \(refusal)")
    }
    if let refusal = IdentifierInput.refusal(of: alias) {
      throw CommandFailure("the identifier to be linked: \(refusal)")
    }
    let request = LinkRequest(
      domain: domain, primary: primary, alias: alias, provenance: provenance,
      confirm: confirm)
    let reply = try await client.with(.vault) {
      try await VaultClient($0).link(request, options: client.callOptions)
    }
    let answer = Answer(
      pid: PseudonymousID(bytes: reply.pid)?.description ?? "", created: reply.created)
    if client.json { return try printJSON(answer) }
    print("\(answer.created ? "linked" : "was linked already"): \(answer.pid)")
  }

  private func identifier(
    email: String?, phone: String?, customerNumber: String?, region: String?, source: String?
  ) throws -> Identifier {
    if let email { return try IdentifierInput.identifier(.email, email, qualifier: nil) }
    if let phone { return try IdentifierInput.identifier(.phone, phone, qualifier: region) }
    return try IdentifierInput.identifier(
      .customerNumber, customerNumber ?? "", qualifier: source)
  }
}
