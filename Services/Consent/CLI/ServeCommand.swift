internal import ArgumentParser
internal import ConsentFormats
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

      The issuer file is a JSON object with what exports in ts27560 and kantara say of the \
      controller and receipts do not. Its members, all optional: controller jurisdiction base_iri \
      contact email phone street_address country url policy_url rights_url storage_locations \
      service purpose_terms sensitive_categories.

      Examples:
        tacit-consent serve --scopes product_recs,analytics \\
            --peer vault=127.0.0.1:7102
        tacit-consent serve --issuer issuer.json --gpc-scopes marketing \\
            --tcf-scopes marketing=2+3+4,personalization_geo=1+sf1
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

  @Option(
    help: ArgumentHelp(
      "The people whose standing is kept in memory for checks, 0 to 10000000, about 400 bytes each "
        + "(TACIT_CACHED_PEOPLE; 250000).",
      valueName: "count"))
  var cachedPeople: String?

  @Option(
    help: ArgumentHelp(
      "The stores that must say what they did before an erasure is certified, besides the vault "
        + "(TACIT_ERASURE_STORES; features,trainer,vectors).",
      valueName: "name,name,…"))
  var erasureStores: String?

  @Option(
    help: ArgumentHelp(
      "How many people a second a mass erasure takes at most, 1 to 100000 "
        + "(TACIT_ERASURES_PER_SECOND; 400). More is faster, and whoever is served meanwhile waits "
        + "longer.",
      valueName: "count"))
  var erasuresPerSecond: String?

  @Option(
    help: ArgumentHelp(
      "What exports say of the controller: a JSON file (TACIT_ISSUER).", valueName: "file"))
  var issuer: String?

  @Option(
    help: ArgumentHelp(
      "The scopes that a browser's Sec-GPC: 1 takes back (TACIT_GPC_SCOPES; those with a word such "
        + "as ads, sale or sharing in their names).",
      valueName: "name,name,…"))
  var gpcScopes: String?

  @Option(
    help: ArgumentHelp(
      "What TC strings decide on: for each scope the purposes of the IAB TCF, and special features "
        + "as sf1, sf2 (TACIT_TCF_SCOPES; none).",
      valueName: "name=1+2+sf1,…"))
  var tcfScopes: String?

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
    configuration.scopes = try Self.scopes(names)
    let lease = Environment.setting(
      leaseMs, variable: "TACIT_LEASE_MS", default: "\(configuration.leaseMs)")
    guard let milliseconds = Int(lease) else {
      throw ValidationError("--lease-ms takes a number of milliseconds")
    }
    configuration.leaseMs = milliseconds
    let people = Environment.setting(
      cachedPeople, variable: "TACIT_CACHED_PEOPLE",
      default: "\(configuration.cachedPersonCountMax)")
    guard let count = Int(people) else { throw ValidationError("--cached-people takes a number") }
    configuration.cachedPersonCountMax = count
    configuration.erasureStores = Environment.setting(
      erasureStores, variable: "TACIT_ERASURE_STORES", default: "features,trainer,vectors"
    ).split(separator: ",").map(String.init)
    let erasures = Environment.setting(
      erasuresPerSecond, variable: "TACIT_ERASURES_PER_SECOND",
      default: "\(configuration.erasuresPerSecondMax)")
    guard let pace = Int(erasures) else {
      throw ValidationError("--erasures-per-second takes a number")
    }
    configuration.erasuresPerSecondMax = pace
    let issuerPath = Environment.setting(issuer, variable: "TACIT_ISSUER", default: "")
    if !issuerPath.isEmpty { try IssuerFile(path: issuerPath).apply(to: &configuration) }
    let gpc = Environment.setting(gpcScopes, variable: "TACIT_GPC_SCOPES", default: "")
    if !gpc.isEmpty { configuration.gpcScopes = try Self.scopes(gpc) }
    let tcf = Environment.setting(tcfScopes, variable: "TACIT_TCF_SCOPES", default: "")
    configuration.tcfScopes = try tcf.split(separator: ",").map { text in
      guard let meaning = TCFScope(text) else {
        throw ValidationError(
          "--tcf-scopes takes a scope, = and purposes 1 to 11 or sf1, sf2 with + between them")
      }
      return meaning
    }
    if let fault = configuration.fault { throw ValidationError(fault) }
    return configuration
  }

  private static func scopes(_ names: String) throws -> [Scope] {
    try names.split(separator: ",").map { name in
      guard let scope = Scope(name) else {
        throw ValidationError("a scope is a lower-case letter, then up to 63 of a-z 0-9 _ - .")
      }
      return scope
    }
  }
}
