internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import ServiceKit

/// `grant`: records what a person allowed and refused.
struct GrantCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grant",
    abstract: "Record what a person allowed, and what was refused.",
    discussion: """
      What is allowed needs an end: --until or --days. What was asked for in the same act and \
      refused is named by --deny; a refusal of what was allowed before is answered when nothing \
      serves it any more, like a withdrawal. With --notice the receipt takes over what the notice \
      says, and the purposes must be among those it asks for.

      With --consent-id or --idempotency-key the command can be repeated safely: the same content \
      is answered as before, another content is refused.

      Examples:
        tacit-consent grant --pid PID --scope product_recs --scope analytics \\
            --days 730 --source web-portal:v2 --notice-version 2
        tacit-consent grant --pid PID --scope product_recs --deny marketing \\
            --days 365 --source web-portal:v2 \\
            --notice shop --notice-version 3 --language de
        tacit-consent grant --pid PID --deny marketing \\
            --source web-portal:v2 --notice-version 2
      """)

  @OptionGroup var person: PersonOption
  @Option(name: .customLong("scope"), help: "A scope allowed; may be given several times.")
  var scopes: [String] = []
  @Option(name: .customLong("deny"), help: "A scope refused; may be given several times.")
  var denied: [String] = []
  @Option(help: ArgumentHelp("From when; now.", valueName: "time"), transform: Reading.time)
  var from: Timestamp?
  @Option(
    help: ArgumentHelp("Until when (exclusive).", valueName: "time"), transform: Reading.time)
  var until: Timestamp?
  @Option(help: "Until so many days after its beginning.") var days: Int?
  @Option(help: "Where it was given.") var source: String
  // `--version` is the program's own.
  @Option(help: "The version of the notice the person saw, from 1.") var noticeVersion: UInt32
  @Option(help: "The notice the person saw.") var notice: String?
  @Option(help: "The language it was shown in.") var language: String?
  @OptionGroup var actor: ActorOptions
  @Option(help: "The receipt's id; else one is made.") var consentID: String?
  @OptionGroup var request: RequestKeyOption
  @OptionGroup var client: ClientOptions

  func validate() throws {
    guard !scopes.isEmpty || !denied.isEmpty else {
      throw ValidationError("name at least one scope with --scope or --deny")
    }
    if scopes.isEmpty {
      guard until == nil, days == nil else {
        throw ValidationError("a refusal does not end: leave out --until and --days")
      }
    } else {
      guard (until == nil) != (days == nil) else {
        throw ValidationError("say with either --until or --days when the consent ends")
      }
    }
    if let days, !(1...36_500).contains(days) {
      throw ValidationError("--days must be in 1...36500")
    }
    guard notice != nil || language == nil else {
      throw ValidationError("--language needs --notice")
    }
  }

  func run() async throws {
    let start = from ?? SystemTime().now
    let end = until ?? days.map { start.advanced(byMicroseconds: Int64($0) * 86_400_000_000) }
    var details = actor.details
    if let notice {
      details = details ?? ReceiptDetails()
      details?.notice = NoticeReference(id: notice, language: language ?? "")
    }
    let message = GrantRequest(
      pid: person.pid.bytes, scopes: scopes, grantedAtUs: from?.microseconds ?? 0,
      expiresAtUs: end?.microseconds ?? 0, source: source, version: noticeVersion,
      consentID: consentID ?? "", idempotencyKey: request.key, deniedScopes: denied,
      details: details)
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).grant(message, options: client.callOptions)
    }
    guard let receipt = reply.receipt.map(ReceiptView.init) else { return }
    if client.json {
      // The receipt itself, as `show` prints it, with what else there is to know of the write.
      return try printJSON(GrantAnswer(receipt: receipt, reply: reply))
    }
    print(reply.created ? "recorded" : "was recorded already")
    receipt.show()
    if !reply.gates.isEmpty { GateOutcomeView.show(reply.gates.map(GateOutcomeView.init)) }
    if let token = reply.token { print("token: \(TokenText.text(token))") }
  }
}

/// The receipt's members, and beside them whether it is new and the token.
private struct GrantAnswer: Encodable {
  let receipt: ReceiptView
  let reply: GrantReply

  private enum CodingKeys: String, CodingKey {
    case created, gates, token
  }

  func encode(to encoder: any Encoder) throws {
    try receipt.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(reply.created, forKey: .created)
    try container.encodeIfPresent(reply.token.map(TokenText.text), forKey: .token)
    if !reply.gates.isEmpty {
      try container.encode(reply.gates.map(GateOutcomeView.init), forKey: .gates)
    }
  }
}
