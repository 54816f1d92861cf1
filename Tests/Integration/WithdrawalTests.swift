internal import CommonAPI
internal import FeaturesAPI
internal import Foundation
internal import Pipeline
internal import PrivacyCore
internal import RPC
internal import ServiceKit
internal import Testing
internal import VectorsAPI

extension Integration {
  @Suite("Withdrawal on real processes")
  struct WithdrawalTests {
    private struct Reply: Decodable {
      struct Gate: Decodable {
        let gate: String
        let confirmed: Bool
      }
      let gates: [Gate]
    }

    @Test("is in force in features and recommendations as soon as the command returns")
    func allRunning() async throws {
      try await withShop { shop, person in
        let reply = try await withdraw(person, shop.live)
        #expect(Set(reply.gates.map(\.gate)).isSuperset(of: ["features", "vectors"]))
        #expect(reply.gates.allSatisfy { $0.confirmed })
        try await expectSilence(shop, person)
      }
    }

    @Test(
      "is in force in a gate that stood still meanwhile: its lease ran out, and what it was asked serves nothing",
      arguments: [WellKnownService.features, .vectors])
    func stopped(service: WellKnownService) async throws {
      try await withShop { shop, person in
        let live = shop.live
        let features = try live.stack.client(of: .features, as: "marketing-dev")
        let vectors = try live.stack.client(of: .vectors, as: "marketing-dev")
        // The connections are there before, so that the questions lie in front of the gate's news.
        #expect(try await servedCount(features, person) > 0)
        #expect(try await basis(vectors, person) == .personal)

        try live.signal(service, SIGSTOP)
        let reply = try await withdraw(person, live)
        let gate = try #require(reply.gates.first { $0.gate == service.rawValue })
        #expect(!gate.confirmed)
        async let served = service == .features ? servedCount(features, person) : 0
        async let answered = service == .vectors ? basis(vectors, person) : .anonymous
        // Both questions are on their way before the gate goes on.
        try await Task.sleep(for: .milliseconds(100))
        try live.signal(service, SIGCONT)
        let outcome = try await (served: served, basis: answered)
        #expect(outcome.served == 0)
        #expect(outcome.basis == .anonymous)
        try await expectSilence(shop, person)
        await features.close()
        await vectors.close()
      }
    }

    @Test(
      "is in force in a gate that was killed meanwhile and came back",
      arguments: [WellKnownService.features, .vectors])
    func killed(service: WellKnownService) async throws {
      try await withShop { shop, person in
        try await shop.live.kill9(service)
        _ = try await withdraw(person, shop.live)
        try await shop.live.restart(service)
        try await expectSilence(shop, person)
      }
    }

    @Test("is there after a kill -9 of the consent service, and repeating it gives the same answer")
    func consentKilled() async throws {
      try await withShop { shop, person in
        _ = try await withdraw(person, shop.live)
        try await shop.live.kill9(.consent)
        try await shop.live.restart(.consent)
        try await expectSilence(shop, person)
        _ = try await withdraw(person, shop.live)
        let check = try await shop.live.run(
          "tacit-consent", "check", "--pid", person.pid, "--scope", "product_recs")
        #expect(check.status == 1)
        #expect(check.output.contains("withdrawn"), "\(check)")
      }
    }

    // MARK: - Tools

    /// A shop with a model, and a customer who is served personally.
    private func withShop(_ body: (Shop, Shop.Person) async throws -> Void) async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 20)
        try await shop.learn()
        let person = shop.people[3]
        let before = try await live.done(
          "tacit-features", "get", "--pid", person.pid, "purchases:*", "--as-of", "2026-06-20")
        #expect(before.output.contains("present"), "\(before)")
        let recommended = try await live.run("tacit-vectors", recommendArguments(person))
        #expect(recommended.output.contains("personal:"), "\(recommended)")
        try await body(shop, person)
      }
    }

    private func withdraw(_ person: Shop.Person, _ live: LiveStack) async throws -> Reply {
      try await live.done(
        "tacit-consent", "withdraw", "--pid", person.pid, "--source", "test", "--json",
        as: "privacy-dev"
      ).json(Reply.self)
    }

    private func expectSilence(_ shop: Shop, _ person: Shop.Person) async throws {
      let features = try await shop.live.done(
        "tacit-features", "get", "--pid", person.pid, "purchases:*", "--as-of", "2026-06-20",
        as: "marketing-dev")
      #expect(!features.output.contains("present"), "\(features)")
      #expect(features.output.contains("withheld"), "\(features)")
      let recommended = try await shop.live.run(
        "tacit-vectors", recommendArguments(person), as: "marketing-dev")
      #expect(recommended.status == 0)
      #expect(recommended.output.contains("anonymous:"), "\(recommended)")
    }

    private func recommendArguments(_ person: Shop.Person) -> [String] {
      [
        "recommend", "--pid", person.pid, "--collection", "items", "--history-feature",
        "purchases:items", "--scope", "product_recs", "--as-of", "2026-06-20",
      ]
    }

    private func servedCount(_ connection: RPCClient, _ person: Shop.Person) async throws -> Int {
      let reply = try await FeaturesClient(connection).get(
        GetRequest(
          pids: [try pid(person).bytes], features: ["purchases:*"], asOfUs: try asOf(),
          purpose: "test"))
      return reply.rows.flatMap(\.features).count { $0.status == .present }
    }

    private func basis(_ connection: RPCClient, _ person: Shop.Person) async throws -> Basis {
      try await VectorsClient(connection).recommend(
        RecommendRequest(
          pid: try pid(person).bytes, collection: "items", k: 5, candidates: .all,
          historyFeature: "purchases:items", scope: "product_recs", asOfUs: try asOf(),
          purpose: "test")
      ).basis
    }

    private func pid(_ person: Shop.Person) throws -> PseudonymousID {
      try #require(PseudonymousID(text: person.pid))
    }

    private func asOf() throws -> Int64 {
      try #require(Timestamp(rfc3339: "2026-06-20")).microseconds
    }
  }
}
