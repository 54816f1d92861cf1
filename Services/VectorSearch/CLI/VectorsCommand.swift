internal import ArgumentParser
internal import ServiceKit

@main
enum Main {
  static func main() async { await runCommand(VectorsCommand.self) }
}

/// `tacit-vectors`: vector search, and a command for each thing a person asks of it.
struct VectorsCommand: AsyncParsableCommand, ServiceProgram {
  static let service = WellKnownService.vectors

  static let configuration = CommandConfiguration(
    commandName: "tacit-vectors",
    abstract: "What is near, and what to recommend, to whom it is allowed.",
    discussion: """
      A collection holds vectors of items, which are public, or of people, each sealed under that \
      person's key and found only while that person allows the collection's scope. A model of the \
      trainer is published to a collection of items; recommendations are made from it.

      Who does not allow it, or is not known, gets what everyone gets, and the answer says so. \
      Every answer is in the audit log.

      Example, from a model to a recommendation:
        tacit-vectors publish --model recommender --collection items
        tacit-vectors recommend --pid PID --collection items \\
            --history-feature purchases:items --scope product_recs

      Vectors of your own:
        tacit-vectors collections create songs --subject item \\
            --dimension 64 --metric cosine
        tacit-vectors upsert --collection songs songs.jsonl
        tacit-vectors search --collection songs --vector @query.json --k 5

      Exit status: 0 done, 1 refused or failed, 2 not understood.
      """,
    version: TacitVersion.text,
    subcommands: [
      ServeCommand.self, CollectionsCommand.self, UpsertCommand.self, DeleteCommand.self,
      SearchCommand.self, PublishCommand.self, RecommendCommand.self, StatusCommand<Self>.self,
      HealthCommand<Self>.self, BackupCommand<Self>.self, RestoreCommand<Self>.self,
      RewrapCommand<Self>.self, CompactCommand<Self>.self, RotationCommand<Self>.self,
      IncidentCommand<Self>.self, VerifyCommand<Self>.self,
    ])
}
