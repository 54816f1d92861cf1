internal import Foundation
internal import Pipeline
internal import RPC
internal import ServiceKit
internal import Testing
internal import TrainerAPI

extension Integration {
  @Suite("Kill -9 around a model")
  struct ModelCrashTests {
    private struct BudgetView: Decodable {
      let epsilonLimit: Double
      let epsilonSpent: Double
      let chargeCount: Int

      enum CodingKeys: String, CodingKey {
        case epsilonLimit = "epsilon_limit"
        case epsilonSpent = "epsilon_spent"
        case chargeCount = "charge_count"
      }
    }

    private struct Recommendations: Decodable, Equatable {
      struct Item: Decodable, Equatable {
        let item: String
        let score: Double
      }
      let basis: String
      let modelID: String
      let recommendations: [Item]

      enum CodingKeys: String, CodingKey {
        case basis, recommendations
        case modelID = "model_id"
      }
    }

    @Test("trainer and vector search, killed after publishing, serve the same model again")
    func published() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 60)
        try await shop.learn()
        let fetched = try await live.done("tacit-trainer", "models", "fetch", "recommender")
        let person = try await personal(shop)
        let stranger = try await anonymous(live)
        #expect(person.basis == "personal")
        #expect(!stranger.recommendations.isEmpty)
        let budget = try await budget(live)

        for service in [WellKnownService.trainer, .vectors] { try await live.kill9(service) }
        for service in [WellKnownService.trainer, .vectors] { try await live.restart(service) }

        #expect(
          try await live.done("tacit-trainer", "models", "fetch", "recommender").output
            == fetched.output)
        #expect(try await anonymous(live) == stranger)
        try await eventually("vector search hears from the consent service") {
          try await personal(shop).basis == "personal"
        }
        #expect(try await personal(shop) == person)
        let after = try await self.budget(live)
        #expect(after.epsilonSpent == budget.epsilonSpent)
        #expect(after.chargeCount == budget.chargeCount)
      }
    }

    @Test("a training that a kill -9 cut off is charged: its budget is spent, never forgotten")
    func training() async throws {
      try await withStack { live in
        let shop = try await Shop.open(live, peopleCount: 600)
        let file = try shop.orders(linesPerPerson: 4)
        #expect(try await live.run("tacit", shop.ingestArguments(file)).status == 0)
        try await shop.openBudget(epsilon: 2)
        let training = try live.start(
          "tacit-trainer", try shop.trainArguments(epsilon: 1.5), as: "analyst-dev")
        try await waitForCharge(live)
        try await live.kill9(.trainer)
        let cutOff = try await training.outcome()
        #expect(cutOff.status == 1 || cutOff.output.contains("model_id"), "\(cutOff)")
        try await live.restart(.trainer)

        let budget = try await budget(live)
        #expect(budget.chargeCount == 1)
        #expect(budget.epsilonSpent > 1.4)
        #expect(budget.epsilonSpent <= budget.epsilonLimit)
        let ledger = try await live.run("tacit-trainer", ["ledger"] + Shop.budget)
        #expect(ledger.output.contains("reserved") || ledger.output.contains("settled"))
        let again = try await live.run("tacit-trainer", try shop.trainArguments(epsilon: 1.5))
        #expect(again.status == 1, "what was spent is not there a second time")
        #expect(again.errors.contains("budget"), "\(again)")
      }
    }

    /// Returns when the trainer has charged something, and as soon as it has.
    private func waitForCharge(_ live: LiveStack) async throws {
      let connection = try live.stack.client(of: .trainer, as: "analyst-dev")
      let trainer = TrainerClient(connection)
      do {
        try await eventually("the training is charged", pauseMs: 1) {
          try await !trainer.ledger(
            LedgerRequest(dataset: "retail_orders", purpose: "recommendations")
          ).charges.isEmpty
        }
      } catch {
        await connection.close()
        throw error
      }
      await connection.close()
    }

    private func budget(_ live: LiveStack) async throws -> BudgetView {
      let outcome = try await live.run(
        "tacit-trainer", ["budget", "show", "--json"] + Shop.budget)
      return try outcome.json(BudgetView.self)
    }

    private func personal(_ shop: Shop) async throws -> Recommendations {
      try await shop.live.done(
        "tacit-vectors", "recommend", "--pid", shop.people[0].pid, "--collection", "items",
        "--history-feature", "purchases:items", "--scope", "product_recs", "--as-of", "2026-06-20",
        "--json"
      ).json(Recommendations.self)
    }

    private func anonymous(_ live: LiveStack) async throws -> Recommendations {
      try await live.done(
        "tacit-vectors", "recommend", "--stranger", "--collection", "items", "--json"
      ).json(Recommendations.self)
    }
  }
}
