internal import FeatureStoreService
internal import FeaturesAPI
internal import PrivacyCore
internal import RPC
internal import RPCTestSupport
internal import TestSupport
internal import Testing

@Suite("Over the wire")
struct RemoteTests {
  @Test("a person's features are written, read, streamed and refused over loopback")
  func roundTrip() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics", "product_recs")
      try await withLoopbackServer({ fixture.service.register(on: &$0) }) { connection in
        let client = FeaturesClient(connection)
        let applied = try await client.applyViews(
          ApplyViewsRequest(yaml: FeatureStoreFixture.views))
        #expect(applied.unchanged.count == 3)
        let event = fixture.event(person(1), consent, id: "a", ["item": .string("x")])
        let written = try await client.writeEvents(
          WriteEventsRequest(source: "orders", events: [event]))
        #expect(written.written == 1 && written.sequence > 0)
        let reply = try await client.get(
          GetRequest(pids: [person(1).bytes], features: ["purchases:items"]))
        guard case .tallies(let list)? = reply.rows.first?.features.first?.value?.kind else {
          Issue.record("no tallies")
          return
        }
        let day = Int32(fixture.time.now.day)
        #expect(list.tallies.map(\.key) == ["x"] && list.tallies.map(\.days) == [[day]])
        var batches: [TrainingBatch] = []
        let stream = try await client.trainingSet(
          TrainingSetRequest(features: ["purchases:*"], scope: "analytics"))
        for try await batch in stream { batches.append(batch) }
        #expect(batches.flatMap(\.rows).map(\.pid) == [person(1).bytes])
        let refused = await #expect(throws: RPCError.self) {
          try await client.get(GetRequest(pids: [person(1).bytes], features: ["nothing:x"]))
        }
        #expect(refused?.code == .invalidArgument)
        #expect(refused?.message == "there is no view \"nothing\"")
      }
    }
  }
}
