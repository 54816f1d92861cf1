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
      domain can be added at any time.

      A backup holds neither the root key file nor the file of the key tree, subject-keys.epoch. \
      Keep a copy of the first elsewhere: without it nothing in the store can be read. Replicate \
      the second and keep no old copies of it: without it no subject key can be had, and an old \
      one would bring erased people back, so the vault refuses it.

      E-mail profiles: \(Self.profileNames). email/v1 checks addresses and writes the domain in \
      IDNA; email/seed is Python's str.lower() and nothing else, for pids that were made so \
      before; email/uid2 matches with partners who use UID2.

      Example:
        tacit-vault serve --listen 127.0.0.1:7102 --store var/stack/vault-store \\
            --domains default,newsletter
      """)

  @OptionGroup var options: ServeOptions
  @OptionGroup var subjectKeys: SubjectKeyOptions

  @Option(
    help: ArgumentHelp(
      "The pseudonym domains (TACIT_DOMAINS; \(Self.defaultDomains)). A person has another pid in "
        + "each; the first is meant where a call names none.",
      valueName: "name,name,…"))
  var domains: String?

  @Option(
    help: ArgumentHelp(
      "Further domains, each named after a partner who gets pids in it without showing "
        + "identifiers (TACIT_OBLIVIOUS_DOMAINS; none).",
      valueName: "name,name,…"))
  var obliviousDomains: String?

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

  @Option(
    help: ArgumentHelp(
      "The people who are known in memory for look-ups, 0 to 10000000, 32 bytes each "
        + "(TACIT_CACHED_PEOPLE; 250000).",
      valueName: "count"))
  var cachedPeople: String?

  @Option(
    help: ArgumentHelp(
      "How much a caller may look up: identifiers a second, at once, distinct ones a day, and from "
        + "which percentage of unknown ones on it is refused (TACIT_SINGLE_LIMITS; "
        + "\(CallerLimits.single.text)).",
      valueName: "rate:burst:day[:percent]"))
  var singleLimits: String?

  @Option(
    help: ArgumentHelp(
      "The same for callers with the scope vault.batch (TACIT_BATCH_LIMITS; "
        + "\(CallerLimits.batch.text)).",
      valueName: "rate:burst:day[:percent]"))
  var batchLimits: String?

  @Option(
    help: ArgumentHelp(
      "The same for partners in their oblivious domains (TACIT_PARTNER_LIMITS; "
        + "\(CallerLimits.partner.text)).",
      valueName: "rate:burst:day"))
  var partnerLimits: String?

  @Option(
    help: ArgumentHelp(
      "For how long a request for re-identification waits, in minutes, 1 to 43200 "
        + "(TACIT_REQUEST_MINUTES; \(ReidentificationConfiguration().requestSeconds / 60)).",
      valueName: "minutes"))
  var requestMinutes: String?

  @Option(
    help: ArgumentHelp(
      "For how long its warrant is valid once two people approved, in seconds, 1 to 86400 "
        + "(TACIT_WARRANT_SECONDS; \(ReidentificationConfiguration().warrantSeconds)).",
      valueName: "seconds"))
  var warrantSeconds: String?

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
    configuration.obliviousDomains = Environment.setting(
      obliviousDomains, variable: "TACIT_OBLIVIOUS_DOMAINS", default: ""
    ).split(separator: ",").map(String.init)
    let name = Environment.setting(
      emailProfile, variable: "TACIT_EMAIL_PROFILE",
      default: configuration.emailProfile.rawValue)
    guard let profile = CanonicalProfile(rawValue: name) else {
      throw ValidationError("--email-profile takes one of \(Self.profileNames)")
    }
    configuration.emailProfile = profile
    configuration.tenant = Environment.setting(tenant, variable: "TACIT_TENANT", default: "")
    let people = Environment.setting(
      cachedPeople, variable: "TACIT_CACHED_PEOPLE",
      default: "\(configuration.cachedPersonCountMax)")
    guard let count = Int(people) else { throw ValidationError("--cached-people takes a number") }
    configuration.cachedPersonCountMax = count
    configuration.singleLimits = try Self.limits(
      singleLimits, "--single-limits", variable: "TACIT_SINGLE_LIMITS", default: .single)
    configuration.batchLimits = try Self.limits(
      batchLimits, "--batch-limits", variable: "TACIT_BATCH_LIMITS", default: .batch)
    configuration.partnerLimits = try Self.limits(
      partnerLimits, "--partner-limits", variable: "TACIT_PARTNER_LIMITS", default: .partner)
    let defaults = ReidentificationConfiguration()
    configuration.reidentification.requestSeconds =
      60
      * (try Self.number(
        requestMinutes, "--request-minutes", 1...43_200, variable: "TACIT_REQUEST_MINUTES",
        default: defaults.requestSeconds / 60))
    configuration.reidentification.warrantSeconds = try Self.number(
      warrantSeconds, "--warrant-seconds", 1...86_400, variable: "TACIT_WARRANT_SECONDS",
      default: defaults.warrantSeconds)
    configuration.subjectKeyFile = subjectKeys.file
    if let fault = configuration.fault { throw ValidationError(fault) }
    return configuration
  }

  private static func limits(
    _ flag: String?, _ name: String, variable: String, default fallback: CallerLimits
  ) throws -> CallerLimits {
    let text = Environment.setting(flag, variable: variable, default: fallback.text)
    guard let limits = CallerLimits(text: text) else {
      throw ValidationError("\(name) takes rate:burst:day or rate:burst:day:percent")
    }
    return limits
  }

  private static func number(
    _ flag: String?, _ name: String, _ range: ClosedRange<Int64>, variable: String,
    default fallback: Int64
  ) throws -> Int64 {
    let text = Environment.setting(flag, variable: variable, default: "\(fallback)")
    guard let number = Int64(text), range.contains(number) else {
      throw ValidationError("\(name) takes \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }
}
