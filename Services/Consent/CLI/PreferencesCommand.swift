internal import ArgumentParser
internal import ConsentAPI
internal import ConsentVerifier
internal import PrivacyCore
internal import ServiceKit

/// `preferences`: a person's whole state in words.
struct PreferencesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preferences",
    abstract: "Show a person's whole state in words: what a page of preferences shows.",
    discussion: """
      Each purpose with its title and text in the language wanted, what the person said, since when \
      and until when, and how to take it back: one withdrawal for each, as one grant gave it.

      Example:
        tacit-consent preferences --pid PID --language de --json
      """)

  @OptionGroup var person: PersonOption
  @Option(help: "The language wanted, such as de or de-CH.") var language = ""
  @OptionGroup var token: TokenOption
  @OptionGroup var client: ClientOptions

  private struct PurposeView: Encodable {
    let purpose: String
    let parent: String?
    let title: String?
    let text: String?
    let language: String?
    let decision: String
    let allowed: Bool
    let reason: String
    let sentence: String
    let since: String?
    let until: String?
    let consentID: String?
    let notice: String?
    let noticeVersion: UInt32?
    let withdrawalMethod: String?
    let withdrawScopes: [String]

    enum CodingKeys: String, CodingKey {
      case purpose, parent, title, text, language, decision, allowed, reason, sentence, since
      case until, notice
      case consentID = "consent_id"
      case noticeVersion = "notice_version"
      case withdrawalMethod = "withdrawal_method"
      case withdrawScopes = "withdraw_scopes"
    }

    init(_ standing: PurposeStanding) {
      func filled(_ text: String) -> String? { text.isEmpty ? nil : text }
      func time(_ microseconds: Int64) -> String? {
        microseconds == 0 ? nil : Timestamp(microseconds: microseconds).description
      }
      purpose = standing.purpose
      parent = filled(standing.parent)
      title = filled(standing.title)
      text = filled(standing.text)
      language = filled(standing.language)
      decision =
        switch standing.decision {
        case .granted: "granted"
        case .denied: "denied"
        case .unspecified, .unrecognized:
          standing.reason == .neverAsked ? "never asked" : standing.reason.words
        }
      allowed = standing.reason == .granted
      reason = standing.reason.words
      sentence = standing.sentence
      since = time(standing.sinceUs)
      until = time(standing.untilUs)
      consentID = filled(standing.consentID)
      notice = filled(standing.noticeID)
      noticeVersion = standing.noticeVersion == 0 ? nil : standing.noticeVersion
      withdrawalMethod = filled(standing.withdrawalMethod)
      withdrawScopes = standing.withdrawScopes
    }
  }

  private struct Answer: Encodable {
    let purposes: [PurposeView]
    let erased: Bool
    let sequence: UInt64
  }

  func run() async throws {
    let request = StateRequest(
      pid: person.pid.bytes, language: language, atLeast: token.token)
    let reply = try await client.with(.consent) {
      try await ConsentClient($0).state(request, options: client.callOptions)
    }
    let answer = Answer(
      purposes: reply.purposes.map(PurposeView.init), erased: reply.erased,
      sequence: reply.sequence)
    if client.json { return try printJSON(answer) }
    for purpose in answer.purposes {
      print("\(purpose.title ?? purpose.purpose) [\(purpose.purpose)]")
      if let text = purpose.text { print("  \(text)") }
      print("  \(purpose.sentence)")
      if let method = purpose.withdrawalMethod { print("  To take it back: \(method)") }
    }
  }
}
