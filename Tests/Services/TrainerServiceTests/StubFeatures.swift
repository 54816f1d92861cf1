internal import CommonAPI
internal import FeaturesAPI
internal import RPC
internal import Synchronization

/// A feature store with the views "purchases" and "loyalty" over "orders" and "returns" over
/// "refunds".
final class StubFeatures: FeaturesServing {
  private struct State {
    var people: [UInt8] = []
    var values: [String: [UInt8: FeatureValue]] = [:]
    var requests: [TrainingSetRequest] = []
    var onTrainingSet: (@Sendable () async throws -> Void)?
  }

  /// How many people come in one batch.
  static let batchRowCount = 4

  private let state = Mutex(State())

  /// Whom the training set holds, in this order.
  func hold(_ people: UInt8...) { hold(people) }

  func hold(_ people: [UInt8]) { state.withLock { $0.people = people } }

  /// A person's value of "view:feature", with the status that says whose it is.
  func say(
    _ feature: String, _ kind: Value.Kind, of person: UInt8, status: FeatureStatus = .present
  ) {
    state.withLock { state in
      state.values[feature, default: [:]][person] = FeatureValue(
        name: feature, status: status, value: Value(kind: kind))
    }
  }

  /// The person had these items, each on one day, counted from the epoch.
  func had(_ days: [String: Int32], _ person: UInt8) {
    let tallies = days.sorted { $0.key < $1.key }.map { item, day in
      Tally(key: item, dayCount: 1, eventCount: 1, days: [day])
    }
    say("purchases:items", .tallies(TallyList(tallies: tallies)), of: person)
  }

  /// What happens before the last batch is sent.
  func onTrainingSet(_ body: (@Sendable () async throws -> Void)?) {
    state.withLock { $0.onTrainingSet = body }
  }

  /// What was asked for so far.
  var requests: [TrainingSetRequest] { state.withLock { $0.requests } }

  func listViews(_ request: ListViewsRequest, context: CallContext) async throws -> ListViewsReply {
    func feature(_ name: String, _ type: String) -> FeatureDescription {
      FeatureDescription(name: name, type: type, scope: "analytics")
    }
    return ListViewsReply(
      views: [
        ViewDescription(
          name: "purchases", source: "orders",
          features: [feature("items", "tallies"), feature("wishes", "tallies")]),
        ViewDescription(
          name: "loyalty", source: "orders",
          features: [
            feature("country", "string"), feature("member", "bool"), feature("level", "int"),
            feature("spent", "double"),
          ]),
        ViewDescription(
          name: "returns", source: "refunds", features: [feature("items", "tallies")]),
      ])
  }

  func trainingSet(
    _ request: TrainingSetRequest, replies: ReplyWriter<TrainingBatch>, context: CallContext
  ) async throws {
    let (people, values, onTrainingSet) = state.withLock { state in
      state.requests.append(request)
      return (state.people, state.values, state.onTrainingSet)
    }
    for start in stride(from: 0, to: people.count, by: Self.batchRowCount) {
      let end = min(start + Self.batchRowCount, people.count)
      let rows = people[start..<end].map { person in
        FeatureRow(
          pid: TrainerFixture.pid(person),
          features: request.features.map { name in
            values[name]?[person] ?? FeatureValue(name: name, status: .notFound)
          })
      }
      try await replies.send(
        TrainingBatch(rows: rows, peopleSeen: UInt64(end), peopleTotal: UInt64(people.count)))
    }
    try await onTrainingSet?()
    try await replies.send(TrainingBatch())
  }

  func get(_ request: GetRequest, context: CallContext) async throws -> GetReply { GetReply() }

  func applyViews(
    _ request: ApplyViewsRequest, context: CallContext
  ) async throws -> ApplyViewsReply { ApplyViewsReply() }

  func writeRows(
    _ request: WriteRowsRequest, context: CallContext
  ) async throws -> WriteReply { WriteReply() }

  func writeEvents(
    _ request: WriteEventsRequest, context: CallContext
  ) async throws -> WriteReply { WriteReply() }

  func holdings(
    _ request: HoldingsRequest, replies: ReplyWriter<HoldingsChunk>, context: CallContext
  ) async throws {}
}
