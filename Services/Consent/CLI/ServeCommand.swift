internal import ArgumentParser
internal import ConsentService
internal import PrivacyCore
internal import ServiceKit

/// `serve`: runs the service.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Run the consent service until it is told to stop.",
    discussion: """
      Only one process can serve a store. The identity vault is asked when a person is erased; \
      while it is out of reach, erasures are recorded, in force, and finished later.

      Example:
        tacit-consent serve --scopes product_recs,analytics \\
            --peer vault=127.0.0.1:7102
      """)

  @OptionGroup var options: ServeOptions

  @Option(
    help: ArgumentHelp(
      "The scopes people can be asked for (TACIT_SCOPES; \(Self.defaultScopes)).",
      valueName: "name,name,…"))
  var scopes: String?

  @Option(
    help: ArgumentHelp(
      "How long a gate may serve without hearing from this service, 20 to 5000 "
        + "(TACIT_LEASE_MS; 250). The longest a withdrawal can take.",
      valueName: "milliseconds"))
  var leaseMs: String?

  func run() async throws {
    let configuration = try configuration()
    try await serve(.consent, options: options) { runtime in
      try await ConsentService(runtime: runtime, configuration: configuration)
    }
  }

  private static let defaultScopes = ConsentConfiguration().scopes.map(\.description)
    .joined(separator: ",")

  private func configuration() throws -> ConsentConfiguration {
    var configuration = ConsentConfiguration()
    let names = Environment.setting(
      scopes, variable: "TACIT_SCOPES", default: Self.defaultScopes)
    configuration.scopes = try names.split(separator: ",").map { name in
      guard let scope = Scope(name) else {
        throw ValidationError("a scope is a lower-case letter, then up to 63 of a-z 0-9 _ - .")
      }
      return scope
    }
    let lease = Environment.setting(
      leaseMs, variable: "TACIT_LEASE_MS", default: "\(configuration.leaseMs)")
    guard let milliseconds = Int(lease) else {
      throw ValidationError("--lease-ms takes a number of milliseconds")
    }
    configuration.leaseMs = milliseconds
    if let fault = configuration.fault { throw ValidationError(fault) }
    return configuration
  }
}
