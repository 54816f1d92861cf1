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

  // One pid in 64 begins with a dash.
  @Option(
    parsing: .unconditionalSingleValue,
    help: "A person, as a pid's text; may be given several times.", transform: Reading.pid)
  var pid: [PseudonymousID]
  @Argument(help: "Features as view:feature; view:* for a whole view.") var features: [String]
  @Option(
    help: ArgumentHelp("As of what time; consent is always that of now.", valueName: "time"),
    transform: Reading.time)
  var asOf: Timestamp?
  @Option(help: "What it is for; written into the audit log.") var purpose = "command-line"
  @OptionGroup var token: TokenOption
  @OptionGroup var client: ClientOptions

  func run() async throws {
    let reply = try await client.with(.features) {
      try await FeaturesClient($0).get(
        GetRequest(
          pids: pid.map(\.bytes), features: features, asOfUs: asOf?.microseconds ?? 0,
          purpose: purpose, atLeast: token.token),
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
