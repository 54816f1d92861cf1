internal import ArgumentParser
internal import ServiceKit

@main
enum Main {
  static func main() async {
    ParserMessage.exitWhereNotUnderstood(VaultCommand.self)
    await runCommand(VaultCommand.self)
  }
}

/// `tacit-vault`: the identity vault, and a command for each thing a person asks of it.
struct VaultCommand: AsyncParsableCommand, ServiceProgram {
  static let service = WellKnownService.vault

  static let configuration = CommandConfiguration(
    commandName: "tacit-vault",
    abstract: "The only place where identifiers and pseudonyms meet.",
    discussion: """
      The vault turns an e-mail address, a telephone number or a customer number into a pid: 43 \
      characters that stand for the person everywhere else. All spellings of an identifier give \
      one pid; without the vault's keys nobody gets from one to the other. Only `reidentify` gives \
      an identifier back, to people who may have it together, and `access-request` to the person \
      who has shown one.

      What stands on a command line can be read in the list of processes and in the shell's \
      history. Wherever an identifier is asked for, - reads it from standard input instead. What a \
      command prints, in errors too, never holds an identifier.

      Examples:
        tacit-vault serve --store var/stack/vault-store
        tacit-vault pseudonymize --email - --create
        tacit-vault pseudonymize customers.txt --create > pids.tsv
        tacit-vault link --email - --alias-phone - --provenance crm:merge-2026-03
        tacit-vault show --pid PID
        tacit-vault forget --pid PID --yes
        tacit-vault access-request --email - --ticket DSR-17 --out pack-17

      Exit status: 0 done, 1 refused or failed, 2 not understood.
      """,
    version: TacitVersion.text,
    subcommands: [
      ServeCommand.self, PseudonymizeCommand.self, LinkCommand.self, MergeCommand.self,
      SplitCommand.self, MarkSharedCommand.self, ShowCommand.self, ForgetCommand.self,
      ReidentifyCommand.self, AccessRequestCommand.self, ObliviousCommand.self,
      StatusCommand<Self>.self,
      HealthCommand<Self>.self, BackupCommand<Self>.self, RestoreCommand<Self>.self,
      VaultRewrapCommand.self, CompactCommand<Self>.self, VaultRotationCommand.self,
      IncidentCommand<Self>.self, VerifyCommand<Self>.self,
    ])
}
