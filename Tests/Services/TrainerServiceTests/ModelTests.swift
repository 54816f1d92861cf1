internal import AuditLog
internal import RPC
internal import RPCTestSupport
internal import TestSupport
internal import Testing
internal import TrainerAPI
internal import TrainerService

/// The chunks of a model, as a client gets them.
func fetch(_ model: String, from fixture: TrainerFixture) async throws -> [ModelChunk] {
  var chunks: [ModelChunk] = []
  try await withLoopbackServer({ fixture.trainer.register(on: &$0) }) { connection in
    for try await chunk in try await TrainerClient(connection).fetchModel(
      ShowModelRequest(model: model))
    {
      chunks.append(chunk)
    }
  }
  return chunks
}

@Suite("Models")
struct ModelTests {
  private static let catalogue = (0..<8).map {
    CatalogueItem(item: "item-\($0)", text: "LANTERN NO \($0)")
  }

  @Test("a fetched model has all items once, in the order of the catalogue, chunk by chunk")
  func fetchAll() async throws {
    var configuration = TrainerConfiguration()
    configuration.itemsPerChunk = 3
    try await TrainerFixture.run(configuration: configuration) { fixture in
      try await fixture.train { $0.catalogue = Self.catalogue }
      let chunks = try await fetch("recommender", from: fixture)
      #expect(chunks.map(\.items.count) == [3, 3, 2])
      let items = chunks.flatMap(\.items)
      #expect(items.map(\.item) == Self.catalogue.map(\.item))
      let vectors = TextVectors(of: Self.catalogue.map(\.text))
      for (place, item) in items.enumerated() {
        #expect(item.vector == vectors[place])
        #expect(item.popularity >= 0)
      }
    }
  }

  @Test("training can be called over the wire and names the model in its last message")
  func trainOverTheWire() async throws {
    try await TrainerFixture.run { fixture in
      try await withLoopbackServer({ fixture.trainer.register(on: &$0) }) { connection in
        let stream = try await TrainerClient(connection).train(
          TrainRequest(
            name: "recommender", dataset: "orders", purpose: "test",
            historyFeature: "purchases:items", scope: "analytics", epsilon: 1,
            catalogue: Self.catalogue))
        var last: TrainProgress?
        for try await progress in stream { last = progress }
        #expect(last?.stage == "done")
        #expect(last?.model == (try await fixture.show("recommender")))
      }
    }
  }

  @Test("a name stands for the newest model of exactly that name, an id for one model")
  func names() async throws {
    try await TrainerFixture.run { fixture in
      let older = try #require(try await fixture.train { $0.name = "rec" })
      fixture.time.advance(microseconds: 2_000)
      let newer = try #require(try await fixture.train { $0.name = "rec" })
      fixture.time.advance(microseconds: 2_000)
      let other = try #require(try await fixture.train { $0.name = "recommender" })
      #expect(try await fixture.show("rec") == newer)
      #expect(try await fixture.show(older.modelID) == older)
      #expect(try await fixture.show("recommender") == other)
      #expect(try await fixture.models() == [other, newer, older])
    }
  }

  @Test(
    "what is neither name nor id is not found", arguments: ["", "re", "m_", "recommenders", "Rec"])
  func unknown(name: String) async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.train()
      await #expect(throws: TrainerError.unknownModel) { try await fixture.show(name) }
    }
  }

  @Test("a restart keeps models and removes the items of one that never came about")
  func restart() async throws {
    try await TrainerFixture.runWithRestart { fixture, restart in
      let model = try #require(try await fixture.train())
      let before = ModelRegistry(store: fixture.store, audit: fixture.audit)
      let unfinished = ModelChunk(items: [ModelItem(item: "a", vector: [1], popularity: 1)])
      for number in 0..<3 as Range<UInt32> {
        try await before.save(unfinished, number: number, of: "m_unfinished")
      }
      #expect(try before.chunk(2, of: "m_unfinished") != nil)

      let next = try await restart(fixture)
      let after = ModelRegistry(store: next.store, audit: next.audit)
      for number in 0..<3 as Range<UInt32> {
        #expect(try after.chunk(number, of: "m_unfinished") == nil)
      }
      #expect(try await next.models() == [model])
      #expect(try await fetch("recommender", from: next).flatMap(\.items).count == 2)
      #expect(try await next.charges().map(\.state) == [.settled])
    }
  }
}
