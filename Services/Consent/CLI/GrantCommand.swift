internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import ServiceKit

/// `grant`: records that a person allowed something.
struct GrantCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grant",
    abstract: "Record that a person allowed some scopes.",
    discussion: """
      Needs an end: --until or --days. With --consent-id the command can be repeated safely: the \
      same content is answered as before, another content is refused.

      Example:
        tacit-consent grant --pid PID --scope product_recs --scope analytics \\
            --days 730 --source web-portal:v2 --notice-version 2
      """)

  @OptionGroup var person: PersonOption
  @Option(name: .customLong("scope"), help: "A scope allowed; may be given several times.")
  var scopes: [String]
  @Option(help: ArgumentHelp("From when; now.", valueName: "time"), transform: Reading.time)
  var from: Timestamp?
  @Option(
    help: ArgumentHelp("Until when (exclusive).", valueName: "time"), transform: Reading.time)
  var until: Timestamp?
  @Option(help: "Until so many days after its beginning.") var days: Int?
  @Option(help: "Where it was given.") var source: String
  // `--version` is the program's own.
  @Option(help: "The version of the notice the person saw, from 1.") var noticeVersion: UInt32
  @Option(help: "The receipt's id; else one is made.") var consentID: String?
  @OptionGroup var client: ClientOptions

  func validate() throws {
    guard (until == nil) != (days == nil) else {
      throw ValidationError("say with either --until or --days when the consent ends")
    }
    if let days, !(1...36_500).contains(days) {
      throw ValidationError("--days must be in 1...36500")
    }
  }

  func run() async throws {
    let start = from ?? SystemTime().now
    let end = until ?? start.advanced(byMicroseconds: Int64(days ?? 0) * 86_400_000_000)
    let request = GrantRequest(
      pid: person.pid.bytes, scopes: scopes, grantedAtUs: from?.microseconds ?? 0,
      expiresAtUs: end.microseconds, source: source, version: noticeVersion,
      consentID: consentID ?? "")
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).grant(request, options: client.callOptions)
    }
    guard let receipt = reply.receipt.map(ReceiptView.init) else { return }
    if client.json { return try printJSON(receipt) }
    print(reply.created ? "recorded" : "was recorded already")
    receipt.show()
  }
}
