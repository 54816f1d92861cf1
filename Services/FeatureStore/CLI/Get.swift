internal import ArgumentParser
internal import FeaturesAPI
internal import PrivacyCore
internal import ServiceKit

struct Get: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Read features of people; withheld ones come with the reason.",
    discussion: """
      Example: tacit-features get --pid ACY… --purpose support purchases:* profile:segment
      """)

  @Option(help: "A person, as a pid's text; may be given several times.") var pid: [String]
  @Argument(help: "Features as view:feature; view:* for a whole view.") var features: [String]
  @Option(help: "As of what time (RFC 3339); consent is always that of now.") var asOf: String?
  @Option(help: "What it is for; written into the audit log.") var purpose = "command-line"
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let pids = try pid.map { text in try parsePid(text).bytes }
    let time = try asOf.map(parseTime)
    let reply = try await client.with(.features) {
      try await FeaturesClient($0).get(
        GetRequest(
          pids: pids, features: features, asOfUs: time?.microseconds ?? 0, purpose: purpose),
        options: client.callOptions)
    }
    if client.json { return try printJSON(reply.rows.map(RowJSON.init)) }
    var table = Table("pid", "feature", "status", "value", "as of", "why")
    for row in reply.rows {
      let pid = PseudonymousID(bytes: row.pid)?.description ?? ""
      for feature in row.features {
        let cells = RowJSON.FeatureJSON(feature)
        table.add(
          "\(pid.prefix(8))…", feature.name, cells.status, cells.value?.text ?? "",
          cells.time ?? "", cells.reason ?? "")
      }
    }
    table.show()
  }
}

/// The pid of a text from the command line or a file.
func parsePid(_ text: String) throws -> PseudonymousID {
  guard let pid = PseudonymousID(text: text) else {
    throw CommandFailure(
      "a pid is 43 characters of base64url; the vault gives it for an identifier")
  }
  return pid
}

/// The time of a text from the command line or a file.
func parseTime(_ text: String) throws -> Timestamp {
  guard let time = Timestamp(rfc3339: text) else {
    throw CommandFailure("a time looks like 2026-01-10T12:34:56Z")
  }
  return time
}
