package import RPC
package import TrainerAPI

extension TrainerService {
  package func listModels(
    _ request: ListModelsRequest, context: CallContext
  ) async throws -> ListModelsReply {
    ListModelsReply(models: try registry.models())
  }

  package func showModel(_ request: ShowModelRequest, context: CallContext) async throws -> Model {
    try registry.model(request.model)
  }

  package func fetchModel(
    _ request: ShowModelRequest, replies: ReplyWriter<ModelChunk>, context: CallContext
  ) async throws {
    let model = try registry.model(request.model)
    var number: UInt32 = 0
    while let chunk = try registry.chunk(number, of: model.modelID) {
      try await replies.send(chunk)
      number += 1
    }
  }
}
