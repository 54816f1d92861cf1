internal import ArgumentParser
internal import ServiceKit

struct StackIncidentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "incident",
    abstract: "What a time window touched, over all five services.",
    discussion: """
      docs/INCIDENT_RESPONSE.md says what to do first.

      Example: tacit incident window --from 2026-03-01 --to 2026-03-02
      """,
    subcommands: [Window.self])

  struct Window: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Who did what to how many people in a time window, in one table.",
      discussion: """
        Asks each service for what its audit log says, and for whether the log holds; exit 1 where \
        one does not, or does not answer. That you asked is logged in each.

        Example:
          tacit incident window --from 2026-03-01T08:00:00Z --to 2026-03-01T09:30:00Z
        """)

    @OptionGroup var window: IncidentWindowOptions

    func run() async throws {
      var reports: [IncidentReport] = []
      var silent: [String] = []
      for service in WellKnownService.allCases {
        do {
          reports.append(try await window.window(of: service))
        } catch {
          silent.append("\(service.rawValue) gives no answer: \(text(of: error))")
        }
      }
      try IncidentReport.show(reports, json: window.json)
      guard silent.isEmpty else { throw CommandFailure(silent.joined(separator: "\n")) }
    }
  }
}
