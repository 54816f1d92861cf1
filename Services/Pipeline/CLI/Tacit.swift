internal import ArgumentParser
internal import ServiceKit

@main
enum Main {
  static func main() async { await runCommand(Tacit.self) }
}

/// `tacit`: the commands that belong to no single service.
struct Tacit: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tacit",
    abstract: "Personalization on CRM data that never betrays the customer.",
    discussion: """
      Tacit runs beside a CRM: it takes events in, checks consent, replaces identifiers by keyed \
      pseudonyms, serves consent-gated features, learns under differential privacy and answers \
      recommendations. Its five services have programs of their own: tacit-consent, tacit-vault, \
      tacit-features, tacit-trainer and tacit-vectors. This one starts and stops them together, \
      brings CRM exports in, and shows the whole on real data.

      A first hour:
        tacit demo      the whole product, with a report
        tacit up        the local stack of docker-compose.yml
        tacit-features views apply Examples/online-retail/views.yaml
        tacit ingest --mapping Examples/online-retail/mapping.yaml FILE.csv
        tacit status
        tacit down

      Exit status: 0 done, 1 refused or failed, 2 not understood.
      """,
    version: TacitVersion.text,
    subcommands: [
      Demo.self, Up.self, Down.self, Status.self, Logs.self, IngestCommand.self, Generate.self,
      Init.self, DevCerts.self, KMSCommand.self, CallCommand.self, DescribeCommand.self,
      LogCommand.self, VerifyCommand.self, WitnessCommand.self, StackIncidentCommand.self,
    ])
}
