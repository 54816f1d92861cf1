internal import ArgumentParser
internal import IdentityVaultService
internal import ServiceKit

/// `serve`: runs the service.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run the identity vault until it is told to stop.",
    discussion: """
      Only one process can serve a store. The vault needs no other service.

      Pids come from the root key, the tenant, the domain and the e-mail profile. A store keeps \
      those it began with: a start that would give people who are known other pids is refused. A \
      domain can be added at any time. A backup holds neither the root key file nor keys.json in \
      the store's directory: keep a copy of both elsewhere. Without them nothing in the store can \
      be read, and nobody gets the same pid again.

      E-mail profiles: \(Self.profileNames). email/v1 checks addresses and writes the domain in \
      IDNA; email/seed is Python's str.lower() and nothing else, for pids that were made so \
      before; email/uid2 matches with partners who use UID2.

      Example:
        tacit-vault serve --listen 127.0.0.1:7102 --store var/stack/vault-store \\
            --domains default,newsletter
      """)

  @OptionGroup var options: ServeOptions

  @Option(
    help: ArgumentHelp(
      "The pseudonym domains (TACIT_DOMAINS; \(Self.defaultDomains)). A person has another pid in "
        + "each; the first is meant where a call names none.",
      valueName: "name,name,…"))
  var domains: String?

  @Option(
    help: ArgumentHelp(
      "How e-mail addresses become canonical (TACIT_EMAIL_PROFILE; "
        + "\(IdentityVaultConfiguration().emailProfile.rawValue)).",
      valueName: "profile"))
  var emailProfile: String?

  @Option(
    help: ArgumentHelp(
      "Whose pids these are, up to 256 bytes (TACIT_TENANT; none).", valueName: "name"))
  var tenant: String?

  func run() async throws {
    let configuration = try configuration()
    try await serve(.vault, options: options) { runtime in
      try await IdentityVaultService(runtime: runtime, configuration: configuration)
    }
  }

  private static let defaultDomains = IdentityVaultConfiguration().domains.joined(separator: ",")
  private static let profileNames = CanonicalProfile.emailProfiles.map(\.rawValue)
    .joined(separator: ", ")

  private func configuration() throws -> IdentityVaultConfiguration {
    var configuration = IdentityVaultConfiguration()
    configuration.domains = Environment.setting(
      domains, variable: "TACIT_DOMAINS", default: Self.defaultDomains
    ).split(separator: ",").map(String.init)
    let name = Environment.setting(
      emailProfile, variable: "TACIT_EMAIL_PROFILE",
      default: configuration.emailProfile.rawValue)
    guard let profile = CanonicalProfile(rawValue: name) else {
      throw ValidationError("--email-profile takes one of \(Self.profileNames)")
    }
    configuration.emailProfile = profile
    configuration.tenant = Environment.setting(tenant, variable: "TACIT_TENANT", default: "")
    if let fault = configuration.fault { throw ValidationError(fault) }
    return configuration
  }
}
