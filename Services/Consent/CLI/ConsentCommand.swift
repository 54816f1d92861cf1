internal import ArgumentParser
internal import ServiceKit

@main
enum Main {
  static func main() async { await runCommand(ConsentCommand.self) }
}

/// `tacit-consent`: the consent service, and a command for each thing a person asks of it.
struct ConsentCommand: AsyncParsableCommand, ServiceProgram {
  static let service = WellKnownService.consent

  static let configuration = CommandConfiguration(
    commandName: "tacit-consent",
    abstract: "The ledger of consent: who allowed what, since when, until when.",
    discussion: """
      Every consent is a receipt: a person (pid), the scopes allowed, from when until when, where \
      it was given and which notice was shown. Receipts are never changed; a change is a new \
      receipt. For each person and scope the latest one counts, an erasure counts for ever, and \
      what nobody was asked for is not allowed.

      A withdrawal is answered when no service serves any more what it takes back: each gate has \
      confirmed it, or can not serve because its lease has run out. The answer says which.

      People are named by pid: 43 characters of base64url, with or without "hmac:sha256:" before \
      it. Only the identity vault can tell whose pid it is.

      Examples:
        tacit-consent serve --store var/stack/consent-store
        tacit-consent grant --pid PID --scope product_recs --days 365 \\
            --source web-portal:v2 --notice-version 2
        tacit-consent check --pid PID --scope product_recs
        tacit-consent withdraw --pid PID --scope analytics --source web-portal:v2
        tacit-consent history --pid PID --json
        tacit-consent import receipts.jsonl
        tacit-consent export --format ts27560 > receipts.jsonld
        tacit-consent signal --pid PID --gpc 1 --source shop.example
        tacit-consent watch --after 1200 --follow

      Exit status: 0 done (check: allowed), 1 refused or failed (check: not allowed), 2 not \
      understood.
      """,
    version: TacitVersion.text,
    subcommands: [
      ServeCommand.self, GrantCommand.self, WithdrawCommand.self, RestrictCommand.self,
      LiftCommand.self, ObjectCommand.self, CheckCommand.self, PreferencesCommand.self,
      NoticesCommand.self, PurposesCommand.self, WebhooksCommand.self, ShowCommand.self,
      HistoryCommand.self, ImportCommand.self, ExportCommand.self, SignalCommand.self,
      TCFCommand.self, WatchCommand.self, EraseCommand.self, CertificateCommand.self,
      StatusCommand<Self>.self,
      HealthCommand<Self>.self, BackupCommand<Self>.self, RestoreCommand<Self>.self,
      RewrapCommand<Self>.self, CompactCommand<Self>.self, RotationCommand<Self>.self,
      IncidentCommand<Self>.self, VerifyCommand<Self>.self,
    ])
}
