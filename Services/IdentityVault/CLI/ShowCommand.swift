internal import ArgumentParser
internal import PrivacyCore
internal import ServiceKit
internal import VaultAPI

/// `show`: what is linked to a person.
struct ShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show what is linked to a person: kinds and provenance, never the values.",
    discussion: """
      The pid may be that of any identifier of the person. Of a person who was forgotten it says \
      just that; a pid that the vault does not know is a failure.

      Example:
        tacit-vault show --pid PID
      """)

  @OptionGroup var person: PersonOption
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    struct Link: Encodable {
      let kind: String
      let provenance: String
      let linkedAt: String
      let mergedBy: String?

      enum CodingKeys: String, CodingKey {
        case kind, provenance
        case linkedAt = "linked_at"
        case mergedBy = "merged_by"
      }
    }

    let identifiers: [Link]
    let hasSubjectKey: Bool
    let forgotten: Bool

    enum CodingKeys: String, CodingKey {
      case identifiers, forgotten
      case hasSubjectKey = "has_subject_key"
    }
  }

  func run() async throws {
    let request = ShowRequest(pid: person.pid.bytes)
    let reply = try await client.with(.vault) {
      try await VaultClient($0).show(request, options: client.callOptions)
    }
    let answer = Answer(
      identifiers: reply.identifiers.map {
        Answer.Link(
          kind: $0.kind.name, provenance: $0.provenance,
          linkedAt: Timestamp(microseconds: $0.linkedAtUs).description,
          mergedBy: $0.mergedBy.isEmpty ? nil : $0.mergedBy)
      },
      hasSubjectKey: reply.hasSubjectKey, forgotten: reply.forgotten)
    if client.json { return try printJSON(answer) }
    if answer.forgotten {
      return print("this person was forgotten: no identifiers, no subject key")
    }
    var table = Table("identifier", "linked by", "when", "merged by")
    for link in answer.identifiers {
      table.add(link.kind, link.provenance, link.linkedAt, link.mergedBy ?? "")
    }
    table.show()
    print(answer.hasSubjectKey ? "the subject key is there" : "there is no subject key")
  }
}
