internal import ArgumentParser
internal import Foundation
internal import RPC
internal import ServiceKit
internal import TrainerAPI

/// `models`: the models there are.
struct ModelsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "List, show and fetch trained models.",
    discussion: "Example: tacit-trainer models list",
    subcommands: [List.self, Show.self, Fetch.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "List the models, newest first.",
      discussion: "Example: tacit-trainer models list")

    @OptionGroup var client: ClientOptions

    func run() async throws {
      let reply = try await client.with(.trainer) {
        try await TrainerClient($0).listModels(ListModelsRequest(), options: client.callOptions)
      }
      let models = reply.models.map(ModelView.init)
      if client.json { return try printJSON(models) }
      if models.isEmpty { return print("there is no model") }
      var table = Table(
        "model", "name", "made", "data set", "purpose", "people", "items", "epsilon")
      for model in models {
        table.add(
          model.modelID, model.name, model.createdAt, model.dataset, model.purpose,
          "\(model.peopleNoisy)", "\(model.itemCount)", Figures.spent(model.epsilon))
      }
      table.show()
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show", abstract: "Show a model and where it comes from.",
      discussion: """
        The receipts root is the Merkle root over the ids of the consent receipts under which \
        people are in it; the manifest hash is SHA-256 over what was asked for: data set, \
        feature, time, parameters, catalogue. The same request as of the same time has the same \
        manifest hash.

        Example: tacit-trainer models show recommender
        """)

    @Argument(help: "The model's id, or a name for the newest of that name.") var model: String
    @OptionGroup var client: ClientOptions

    func run() async throws {
      let view = ModelView(
        try await client.with(.trainer) {
          try await TrainerClient($0).showModel(
            ShowModelRequest(model: model), options: client.callOptions)
        })
      if client.json { try printJSON(view) } else { view.show() }
    }
  }

  struct Fetch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "fetch", abstract: "Write a model's items to standard output, as JSON lines.",
      discussion: """
        Each line: {"item":"85123A","popularity":3.1,"vector":[0.02,…]}. Popularity is in \
        standard deviations of its noise: below 2 it may be noise alone. No line is about a person.

        Example: tacit-trainer models fetch recommender > items.jsonl
        """)

    @Argument(help: "The model's id, or a name for the newest of that name.") var model: String
    @OptionGroup var client: ClientOptions

    private struct ItemView: Encodable {
      let item: String
      let popularity: Float
      let vector: [Float]
    }

    func run() async throws {
      var count = 0
      try await client.with(.trainer) { connection in
        let chunks = try await TrainerClient(connection).fetchModel(
          ShowModelRequest(model: model), options: CallOptions(timeoutMs: 0))
        for try await chunk in chunks {
          let lines = try chunk.items.map { item in
            try jsonLine(
              ItemView(item: item.item, popularity: item.popularity, vector: item.vector)) + "\n"
          }
          try FileHandle.standardOutput.write(contentsOf: Data(lines.joined().utf8))
          count += chunk.items.count
        }
      }
      standardError("\(count) items")
    }
  }
}
