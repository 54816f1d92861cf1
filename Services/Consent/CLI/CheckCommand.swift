internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import ServiceKit

/// `check`: whether a person allows a scope.
struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say whether a person allows a scope; exit 1 if not.",
    discussion: """
      With --at it answers for another time: by the receipts that had been given or recorded by \
      then. An erasure counts at every time.

      Example:
        tacit-consent check --pid PID --scope product_recs --at 2026-03-01T00:00:00Z
      """)

  @OptionGroup var person: PersonOption
  @Option(help: "The scope.") var scope: String
  @Option(help: ArgumentHelp("At what time; now.", valueName: "time"), transform: Reading.time)
  var at: Timestamp?
  @OptionGroup var token: TokenOption
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let granted: Bool
    let reason: String
    let consentID: String?
    let expiresAt: String?
    let sequence: UInt64

    enum CodingKeys: String, CodingKey {
      case granted, reason
      case consentID = "consent_id"
      case expiresAt = "expires_at"
      case sequence
    }
  }

  func run() async throws {
    let request = CheckRequest(
      pid: person.pid.bytes, scope: scope, atUs: at?.microseconds ?? 0)
    // A batch waits for a token and reads a history of any length; a single check never waits.
    let replies = try await client.with(.consent) {
      try await ConsentClient($0).checkBatch(
        CheckBatchRequest(checks: [request], atLeast: token.token), options: client.callOptions
      ).replies
    }
    guard let reply = replies.first else {
      throw CommandFailure("the service gave no answer")
    }
    let answer = Answer(
      granted: reply.granted, reason: reply.reason.words,
      consentID: reply.consentID.isEmpty ? nil : reply.consentID,
      expiresAt: reply.expiresAtUs == 0
        ? nil : Timestamp(microseconds: reply.expiresAtUs).description,
      sequence: reply.sequence)
    if client.json {
      try printJSON(answer)
    } else {
      var table = Table("allowed", "reason", "until", "consent id")
      table.add(
        answer.granted ? "yes" : "no", answer.reason, answer.expiresAt ?? "-",
        answer.consentID ?? "-")
      table.show()
    }
    if !reply.granted { throw ExitCode(ExitStatus.failed) }
  }
}

extension CheckReason {
  /// The reason in words.
  var words: String {
    switch self {
    case .granted: "granted"
    case .neverAsked: "never asked"
    case .withdrawn: "withdrawn"
    case .expired: "expired"
    case .notYetValid: "not yet valid"
    case .erased: "erased"
    case .denied: "denied"
    case .restricted: "restricted"
    case .objected: "objected"
    case .unspecified, .unrecognized: "unknown"
    }
  }
}
