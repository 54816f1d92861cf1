internal import ArgumentParser
internal import RPC
internal import ServiceKit
internal import VectorsAPI

/// `publish`: serves a model.
struct PublishCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish",
    abstract: "Take a model from the trainer and serve it from now on.",
    discussion: """
      The collection is made where it is not there. The model that it served before is served until \
      the new one is there as a whole, and then no more. The same model again changes nothing. It \
      takes as long as it takes: --timeout-ms does not count here.

      Example:
        tacit-vectors publish --model recommender --collection items
      """)

  @Option(help: "The model's id at the trainer, or a name for the newest of that name.")
  var model: String
  @Option(help: "The collection its items go to.") var collection: String
  @OptionGroup var client: ClientOptions

  private struct Answer: Encodable {
    let modelID: String
    let itemCount: UInt32

    enum CodingKeys: String, CodingKey {
      case modelID = "model_id"
      case itemCount = "item_count"
    }
  }

  func run() async throws {
    let reply = try await client.with(.vectors) {
      try await VectorsClient($0).publish(
        PublishRequest(model: model, collection: collection), options: CallOptions(timeoutMs: 0))
    }
    if client.json {
      return try printJSON(Answer(modelID: reply.modelID, itemCount: reply.itemCount))
    }
    print("collection \(collection) serves \(reply.modelID), \(reply.itemCount) items")
  }
}
