internal import CommonAPI
internal import FeaturesAPI
internal import PrivacyCore
internal import RPC
internal import RPCTestSupport
internal import Synchronization
internal import TrainerAPI

/// A feature store and a trainer that say what the test wants.
final class StubServices: Sendable {
  private struct State {
    var history: [[UInt8]: FeatureValue] = [:]
    var historyError: RPCError?
    var onGet: (@Sendable () async throws -> Void)?
    var tokens: [ConsentToken?] = []
    var model = Model()
    var items: [ModelItem] = []
  }

  private let state = Mutex(State())

  /// What the feature store says of a person.
  func say(_ value: FeatureValue, of pid: PseudonymousID) {
    state.withLock { $0.history[pid.bytes] = value }
  }

  /// The person had these items on these days.
  func had(_ items: [String: [Int32]], _ pid: PseudonymousID) {
    let tallies = items.sorted { $0.key < $1.key }.map { code, days in
      Tally(
        key: code, dayCount: UInt32(days.count),
        lastAtUs: Int64(days.last ?? 0) * 86_400_000_000, eventCount: UInt32(days.count),
        days: days)
    }
    say(
      FeatureValue(
        status: .present, value: Value(kind: .tallies(TallyList(tallies: tallies)))), of: pid)
  }

  /// What the feature store answers everybody from now on, if not `nil`.
  func refuseHistories(_ error: RPCError?) { state.withLock { $0.historyError = error } }

  /// What happens while the feature store is asked.
  func onGet(_ body: (@Sendable () async throws -> Void)?) { state.withLock { $0.onGet = body } }

  /// The tokens that the feature store was asked with, oldest first.
  var tokens: [ConsentToken?] { state.withLock { $0.tokens } }

  /// The model that the trainer has; `itemCount` may lie.
  func offer(_ id: String, _ items: [ModelItem], itemCount: Int? = nil) {
    state.withLock { state in
      state.model = Model(
        modelID: id, name: "recommender", purpose: "test",
        itemCount: UInt32(itemCount ?? items.count),
        dimension: UInt32(items.first?.vector.count ?? 4), epsilon: 1.5, delta: 1e-5,
        receiptsRoot: [1, 2, 3])
      state.items = items
    }
  }

  /// Runs `body` with a connection to both on loopback.
  func withConnection(_ body: (RPCClient) async throws -> Void) async throws {
    try await withLoopbackServer(
      { router in
        Features(stub: self).register(on: &router)
        Trainer(stub: self).register(on: &router)
      }, body)
  }

  private struct Features: FeaturesServing {
    let stub: StubServices

    func get(_ request: GetRequest, context: CallContext) async throws -> GetReply {
      let (values, error, onGet) = stub.state.withLock { state in
        state.tokens.append(request.atLeast)
        return (state.history, state.historyError, state.onGet)
      }
      try await onGet?()
      if let error { throw error }
      return GetReply(
        rows: request.pids.map { pid in
          FeatureRow(pid: pid, features: [values[pid] ?? FeatureValue(status: .notFound)])
        })
    }

    func applyViews(
      _ request: ApplyViewsRequest, context: CallContext
    ) async throws -> ApplyViewsReply { ApplyViewsReply() }

    func listViews(
      _ request: ListViewsRequest, context: CallContext
    ) async throws -> ListViewsReply { ListViewsReply() }

    func writeRows(
      _ request: WriteRowsRequest, context: CallContext
    ) async throws -> WriteReply { WriteReply() }

    func writeEvents(
      _ request: WriteEventsRequest, context: CallContext
    ) async throws -> WriteReply { WriteReply() }

    func trainingSet(
      _ request: TrainingSetRequest, replies: ReplyWriter<TrainingBatch>, context: CallContext
    ) async throws {}

    func holdings(
      _ request: HoldingsRequest, replies: ReplyWriter<HoldingsChunk>, context: CallContext
    ) async throws {}
  }

  private struct Trainer: TrainerServing {
    let stub: StubServices

    func showModel(_ request: ShowModelRequest, context: CallContext) async throws -> Model {
      let model = stub.state.withLock { $0.model }
      guard [model.modelID, model.name].contains(request.model) else {
        throw RPCError(.notFound, "there is no such model")
      }
      return model
    }

    func fetchModel(
      _ request: ShowModelRequest, replies: ReplyWriter<ModelChunk>, context: CallContext
    ) async throws {
      let items = stub.state.withLock { $0.items }
      for start in stride(from: 0, to: items.count, by: 2) {
        try await replies.send(ModelChunk(items: Array(items[start..<min(start + 2, items.count)])))
      }
    }

    func createBudget(
      _ request: CreateBudgetRequest, context: CallContext
    ) async throws -> Budget { Budget() }

    func showBudget(
      _ request: ShowBudgetRequest, context: CallContext
    ) async throws -> Budget { Budget() }

    func ledger(
      _ request: LedgerRequest, context: CallContext
    ) async throws -> LedgerReply { LedgerReply() }

    func query(_ request: QueryRequest, context: CallContext) async throws -> QueryReply {
      QueryReply()
    }

    func train(
      _ request: TrainRequest, replies: ReplyWriter<TrainProgress>, context: CallContext
    ) async throws {}

    func listModels(
      _ request: ListModelsRequest, context: CallContext
    ) async throws -> ListModelsReply { ListModelsReply() }

    func holdings(
      _ request: HoldingsRequest, replies: ReplyWriter<HoldingsChunk>, context: CallContext
    ) async throws {}
  }
}
