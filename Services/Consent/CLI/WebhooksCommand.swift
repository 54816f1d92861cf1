internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import ServiceKit

/// `webhooks`: systems outside that learn of changes.
struct WebhooksCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "webhooks",
    abstract: "Systems outside that learn of each change by HTTP: add, list, remove, resume.",
    discussion: """
      Each change is sent by POST as JSON, at least once, in log order for each person, with a \
      signature in the header Tacit-Signature: t=SECONDS,v1=HMAC-SHA256 over "SECONDS.BODY".

      Example:
        tacit-consent webhooks add crm https://crm.example/consent --from-now
      """,
    subcommands: [Add.self, List.self, Remove.self, DeadLetters.self, Resume.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Send changes to a system outside.",
      discussion: """
        Prints the key of the signatures in hexadecimal: the system needs it. The command can be \
        repeated to see it again.

        Example: tacit-consent webhooks add crm https://crm.example/consent --from-now
        """)

    @Argument(help: "A name for the system.") var id: String
    @Argument(help: "Where changes are sent: https://host/path.") var url: String
    @Option(help: "Only changes after this position of the log.") var after: UInt64 = 0
    @Flag(help: "Only changes yet to come.") var fromNow = false
    @OptionGroup var client: ClientOptions

    private struct Answer: Encodable {
      let id: String
      let url: String
      let afterSequence: UInt64
      let created: Bool
      let signingKey: String

      enum CodingKeys: String, CodingKey {
        case id, url, created
        case afterSequence = "after_sequence"
        case signingKey = "signing_key"
      }
    }

    func run() async throws {
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).addWebhook(
          AddWebhookRequest(
            webhook: Webhook(id: id, url: url, afterSequence: after), fromNow: fromNow),
          options: client.callOptions)
      }
      guard let webhook = reply.webhook else { return }
      let answer = Answer(
        id: webhook.id, url: webhook.url, afterSequence: webhook.afterSequence,
        created: reply.created, signingKey: Hexadecimal.encode(reply.signingKey))
      if client.json { return try printJSON(answer) }
      print(answer.created ? "added" : "was there already")
      print("sends to \(answer.url) from position \(answer.afterSequence + 1) on")
      print("signing key: \(answer.signingKey)")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show how far each system is.",
      discussion: "Example: tacit-consent webhooks list")

    @OptionGroup var client: ClientOptions

    private struct StandingView: Encodable {
      let id: String
      let url: String
      let settledSequence: UInt64
      let waiting: UInt64
      let deadLetters: UInt64
      let lastFailure: String?

      enum CodingKeys: String, CodingKey {
        case id, url, waiting
        case settledSequence = "settled_sequence"
        case deadLetters = "dead_letters"
        case lastFailure = "last_failure"
      }
    }

    func run() async throws {
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).listWebhooks(
          ListWebhooksRequest(), options: client.callOptions)
      }
      let views = reply.webhooks.map {
        StandingView(
          id: $0.webhook?.id ?? "", url: $0.webhook?.url ?? "",
          settledSequence: $0.settledSequence, waiting: $0.waiting, deadLetters: $0.deadLetters,
          lastFailure: $0.lastFailure.isEmpty ? nil : $0.lastFailure)
      }
      if client.json { return try printJSON(views) }
      var table = Table("system", "address", "settled", "waiting", "dead letters", "last failure")
      for view in views {
        table.add(
          view.id, view.url, "\(view.settledSequence)", "\(view.waiting)",
          "\(view.deadLetters)", view.lastFailure ?? "-")
      }
      table.show()
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Send nothing to a system any more; its position and dead letters go.",
      discussion: "Example: tacit-consent webhooks remove crm")

    @Argument(help: "The system.") var id: String
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).removeWebhook(
          RemoveWebhookRequest(id: id), options: client.callOptions)
      }
      if client.json { return try printJSON(["removed": reply.removed]) }
      print(reply.removed ? "removed" : "there was none")
    }
  }

  struct DeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "dead-letters",
      abstract: "Show the changes that a system did not take.",
      discussion: """
        Up to 1,000; --after goes on behind a position.

        Example: tacit-consent webhooks dead-letters crm --json
        """)

    @Argument(help: "The system.") var id: String
    @Option(help: "Only those after this position.") var after: UInt64 = 0
    @OptionGroup var client: ClientOptions

    private struct LetterView: Encodable {
      let sequence: UInt64
      let consentID: String
      let attempts: UInt32
      let reason: String
      let givenUpAt: String

      enum CodingKeys: String, CodingKey {
        case sequence, attempts, reason
        case consentID = "consent_id"
        case givenUpAt = "given_up_at"
      }
    }

    func run() async throws {
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).listDeadLetters(
          ListDeadLettersRequest(id: id, afterSequence: after), options: client.callOptions)
      }
      let views = reply.letters.map {
        LetterView(
          sequence: $0.sequence, consentID: $0.consentID, attempts: $0.attempts,
          reason: $0.reason, givenUpAt: Timestamp(microseconds: $0.givenUpAtUs).description)
      }
      if client.json { return try printJSON(views) }
      var table = Table("position", "consent id", "attempts", "given up", "reason")
      for view in views {
        table.add(
          "\(view.sequence)", view.consentID, "\(view.attempts)", view.givenUpAt, view.reason)
      }
      table.show()
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Send the changes that a system did not take again.",
      discussion: "Example: tacit-consent webhooks resume crm")

    @Argument(help: "The system.") var id: String
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).resumeDeadLetters(
          ResumeDeadLettersRequest(id: id), options: client.callOptions)
      }
      if client.json { return try printJSON(["resumed": reply.resumed]) }
      print("\(reply.resumed) changes are sent again")
    }
  }
}
