internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import ServiceKit

/// `notices`: what people are told before they decide.
struct NoticesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "notices",
    abstract: "The notices people see: add, list, show, compare, count who must be asked again.",
    discussion: """
      A notice has versions, which never change. A receipt that names one takes over what it says.

      Example:
        tacit-consent notices add shop.json && tacit-consent notices ask-again shop
      """,
    subcommands: [
      Add.self, List.self, Show.self, Diff.self, AskAgain.self,
    ])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Record a notice, or the next version of one.",
      discussion: """
        The file is JSON in the form `notices show --json` prints. The same as the newest version \
        again is no new one.

          {"id":"shop","controller":"Example Shop Ltd","jurisdiction":"DE",
           "purposes":[{"purpose":"product_recs","legal_basis":"consent"}],
           "texts":[{"language":"en","text":"We would like to …"}],
           "pii_categories":["purchases"],"recipients":[],"retention":"P2Y",
           "withdrawal_method":"https://shop.example/privacy"}

        Example: tacit-consent notices add shop.json
        """)

    @Argument(help: "The file; - is standard input.") var file: String
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let notice = try jsonFile(file, as: NoticeForm.self).message()
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).addNotice(
          AddNoticeRequest(notice: notice), options: client.callOptions)
      }
      guard let recorded = reply.notice else { return }
      if client.json { return try printJSON(NoticeForm(recorded)) }
      print(
        reply.created
          ? "recorded as version \(recorded.version)"
          : "version \(recorded.version) says the same already")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the newest version of each notice, or all versions of one.",
      discussion: "Example: tacit-consent notices list shop")

    @Argument(help: "A notice whose versions are wanted.") var id: String?
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).listNotices(
          ListNoticesRequest(id: id ?? ""), options: client.callOptions)
      }
      if client.json { return try printJSON(reply.notices.map(NoticeForm.init)) }
      var table = Table("notice", "version", "recorded", "controller", "purposes", "languages")
      for notice in reply.notices {
        table.add(
          notice.id, "\(notice.version)",
          Timestamp(microseconds: notice.recordedAtUs).description, notice.controller,
          notice.purposes.map(\.purpose).joined(separator: ","),
          notice.texts.map(\.language).joined(separator: ","))
      }
      table.show()
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a notice with its texts.",
      discussion: "Example: tacit-consent notices show shop --notice-version 2 --json")

    @Argument(help: "The notice.") var id: String
    @Option(help: "Its version; the newest.") var noticeVersion: UInt32 = 0
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let notice = try await client.with(.consent) {
        try await ConsentClient($0).showNotice(
          ShowNoticeRequest(id: id, version: noticeVersion), options: client.callOptions)
      }
      if client.json { return try printJSON(NoticeForm(notice)) }
      var table = Table("field", "value")
      table.add("notice", "\(notice.id), version \(notice.version)")
      table.add("recorded", Timestamp(microseconds: notice.recordedAtUs).description)
      table.add("controller", notice.controller)
      table.add("jurisdiction", notice.jurisdiction)
      for purpose in notice.purposes {
        table.add(
          "purpose",
          "\(purpose.purpose): \(LegalBasisName.text(purpose.legalBasis))"
            + (purpose.coversChildren ? ", covers the purposes below it" : ""))
      }
      table.add("PII categories", notice.piiCategories.joined(separator: ", "))
      table.add("recipients", notice.recipients.joined(separator: ", "))
      table.add("retention", notice.retention)
      table.add("to take it back", notice.withdrawalMethod)
      table.show()
      for text in notice.texts {
        print("\n[\(text.language)] SHA-256 \(Hexadecimal.encode(text.textHash))\n\(text.text)")
      }
    }
  }

  struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what differs between two versions, and what of it is material.",
      discussion: """
        A difference is material where somebody who agreed to the older version did not agree to \
        what the newer one says.

        Example: tacit-consent notices diff shop --from-version 1 --to-version 3
        """)

    @Argument(help: "The notice.") var id: String
    @Option(help: "The older version; the one before the newer.") var fromVersion: UInt32 = 0
    @Option(help: "The newer version; the newest.") var toVersion: UInt32 = 0
    @OptionGroup var client: ClientOptions

    private struct DifferenceView: Encodable {
      let field: String
      let before: String
      let after: String
      let material: Bool
    }

    private struct Answer: Encodable {
      let fromVersion: UInt32
      let toVersion: UInt32
      let material: Bool
      let differences: [DifferenceView]

      enum CodingKeys: String, CodingKey {
        case material, differences
        case fromVersion = "from_version"
        case toVersion = "to_version"
      }
    }

    func run() async throws {
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).diffNotices(
          DiffNoticesRequest(id: id, fromVersion: fromVersion, toVersion: toVersion),
          options: client.callOptions)
      }
      let answer = Answer(
        fromVersion: reply.fromVersion, toVersion: reply.toVersion, material: reply.isMaterial,
        differences: reply.differences.map {
          DifferenceView(
            field: $0.field, before: $0.before, after: $0.after, material: $0.isMaterial)
        })
      if client.json { return try printJSON(answer) }
      print(
        "version \(answer.fromVersion) to \(answer.toVersion): "
          + (answer.material ? "materially different" : "no material difference"))
      for difference in answer.differences {
        print("\(difference.material ? "!" : " ") \(difference.field)")
        if !difference.before.isEmpty { print("  - \(difference.before)") }
        if !difference.after.isEmpty { print("  + \(difference.after)") }
      }
    }
  }

  struct AskAgain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ask-again",
      abstract: "Count the people who would have to be asked again because of a version.",
      discussion: """
        It reads the state of everybody, so that it takes a while; nothing waits for it.

        Example: tacit-consent notices ask-again shop --json
        """)

    @Argument(help: "The notice.") var id: String
    @Option(help: "The version people would be asked to agree to; the newest.")
    var noticeVersion: UInt32 = 0
    @OptionGroup var client: ClientOptions

    private struct VersionView: Encodable {
      let version: UInt32
      let people: UInt64
      let toAsk: UInt64

      enum CodingKeys: String, CodingKey {
        case version, people
        case toAsk = "to_ask"
      }
    }

    private struct Answer: Encodable {
      let version: UInt32
      let people: UInt64
      let toAsk: UInt64
      let versions: [VersionView]

      enum CodingKeys: String, CodingKey {
        case version, people, versions
        case toAsk = "to_ask"
      }
    }

    func run() async throws {
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).countToAsk(
          CountToAskRequest(id: id, version: noticeVersion), options: client.callOptions)
      }
      let answer = Answer(
        version: reply.version, people: reply.people, toAsk: reply.toAsk,
        versions: reply.versions.map {
          VersionView(version: $0.version, people: $0.people, toAsk: $0.toAsk)
        })
      if client.json { return try printJSON(answer) }
      var table = Table("agreed to version", "people", "to ask again")
      for version in answer.versions {
        table.add("\(version.version)", "\(version.people)", "\(version.toAsk)")
      }
      table.add("any", "\(answer.people)", "\(answer.toAsk)")
      table.show()
    }
  }
}
