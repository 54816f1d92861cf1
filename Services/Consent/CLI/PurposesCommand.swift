internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import ServiceKit

/// `purposes`: what scopes mean to people.
struct PurposesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "purposes",
    abstract: "The purposes people can be asked for: add, list, show.",
    discussion: """
      A purpose says what a scope means, in words, and which purpose it is a part of. It has \
      versions, which never change. What is not a scope of the configuration becomes one.

      Example:
        tacit-consent purposes add mail.json && tacit-consent purposes list
      """,
    subcommands: [Add.self, List.self, Show.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Record a purpose, or the next version of one.",
      discussion: """
        The file is JSON in the form `purposes show --json` prints:

          {"id":"marketing.email","parent":"marketing",
           "texts":[{"language":"en","title":"Offers by mail",
                     "text":"We write to you …"}]}

        Example: tacit-consent purposes add mail.json
        """)

    @Argument(help: "The file; - is standard input.") var file: String
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let purpose = try jsonFile(file, as: PurposeForm.self).message
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).addPurpose(
          AddPurposeRequest(purpose: purpose), options: client.callOptions)
      }
      guard let recorded = reply.purpose else { return }
      if client.json { return try printJSON(PurposeForm(recorded)) }
      print(
        reply.created
          ? "recorded as version \(recorded.version)"
          : "version \(recorded.version) says the same already")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the newest version of each purpose.",
      discussion: "Example: tacit-consent purposes list --json")

    @OptionGroup var client: ClientOptions

    func run() async throws {
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).listPurposes(
          ListPurposesRequest(), options: client.callOptions)
      }
      if client.json { return try printJSON(reply.purposes.map(PurposeForm.init)) }
      var table = Table("purpose", "version", "part of", "title", "languages")
      for purpose in reply.purposes {
        table.add(
          purpose.id, purpose.version == 0 ? "-" : "\(purpose.version)",
          purpose.parent.isEmpty ? "-" : purpose.parent, purpose.texts.first?.title ?? "-",
          purpose.texts.map(\.language).joined(separator: ","))
      }
      table.show()
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show all versions of a purpose.",
      discussion: "Example: tacit-consent purposes show marketing.email")

    @Argument(help: "The purpose.") var id: String
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let reply = try await client.with(.consent) {
        try await ConsentClient($0).listPurposes(
          ListPurposesRequest(id: id), options: client.callOptions)
      }
      if client.json { return try printJSON(reply.purposes.map(PurposeForm.init)) }
      for purpose in reply.purposes {
        print(
          "\(purpose.id), version \(purpose.version)"
            + (purpose.parent.isEmpty ? "" : ", a part of \(purpose.parent)"))
        for text in purpose.texts { print("  [\(text.language)] \(text.title): \(text.text)") }
      }
    }
  }
}
