internal import FeaturesAPI
internal import Foundation
internal import RPC
internal import TestSupport
internal import Testing
internal import TrainerAPI
internal import TrainerService

/// A question that is refused, and with which code.
struct RefusedQuestion: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let code: StatusCode
  let change: @Sendable (inout QueryRequest) -> Void

  init(
    _ testDescription: String, _ code: StatusCode,
    _ change: @escaping @Sendable (inout QueryRequest) -> Void
  ) {
    self.testDescription = testDescription
    self.code = code
    self.change = change
  }
}

@Suite("Questions that are refused")
struct QueryRefusalTests {
  private static let questions = [
    RefusedQuestion("epsilon 0", .invalidArgument) { $0.epsilon = 0 },
    RefusedQuestion("a negative epsilon", .invalidArgument) { $0.epsilon = -1 },
    RefusedQuestion("an endless epsilon", .invalidArgument) { $0.epsilon = .infinity },
    RefusedQuestion("an epsilon that is no number", .invalidArgument) { $0.epsilon = .nan },
    RefusedQuestion("an epsilon without noise large enough", .invalidArgument) {
      $0.epsilon = 1e-300
    },
    RefusedQuestion("a budget that nobody opened", .notFound) { $0.purpose = "other" },
    RefusedQuestion("a purpose that is no name", .invalidArgument) { $0.purpose = "" },
    RefusedQuestion("a data set that is no name", .invalidArgument) { $0.dataset = "Orders" },
    RefusedQuestion("no scope", .invalidArgument) { $0.scope = "" },
    RefusedQuestion("a scope that is no name", .invalidArgument) { $0.scope = "Analytics!" },
    RefusedQuestion("a time before 1970", .invalidArgument) { $0.asOfUs = -1 },
    RefusedQuestion("keys without a feature", .invalidArgument) { $0.keys = ["de"] },
    RefusedQuestion("a key that is repeated", .invalidArgument) {
      $0.feature = "loyalty:country"
      $0.keys = ["de", "fr", "de"]
    },
    RefusedQuestion("keys of tallies", .invalidArgument) {
      $0.feature = "purchases:items"
      $0.keys = ["a"]
    },
    RefusedQuestion("keys of numbers with a fraction", .invalidArgument) {
      $0.feature = "loyalty:spent"
      $0.keys = ["1.0"]
    },
    RefusedQuestion("a feature of another data set", .invalidArgument) {
      $0.feature = "returns:items"
    },
    RefusedQuestion("an unknown view", .notFound) { $0.feature = "visits:items" },
    RefusedQuestion("an unknown feature", .notFound) { $0.feature = "purchases:price" },
    RefusedQuestion("a feature without its view", .invalidArgument) { $0.feature = "items" },
    RefusedQuestion("all features of a view", .invalidArgument) { $0.feature = "purchases:*" },
  ]

  @Test("nothing is read and nothing is charged for", arguments: questions)
  func refused(question: RefusedQuestion) async throws {
    try await TrainerFixture.run { fixture in
      let error = await refusal { _ = try await fixture.query(question.change) }
      #expect(error?.code == question.code, "\(String(describing: error))")
      #expect(fixture.features.requests.isEmpty)
      let budget = try await fixture.budget()
      #expect(budget.epsilonSpent == 0)
      #expect(budget.chargeCount == 0)
    }
  }

  @Test("a budget pays only for its own data set, also where the question names no feature")
  func unknownDataset() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.open(dataset: "visits", purpose: "test", epsilonLimit: 1)
      await #expect(throws: TrainerError.unknownDataset("visits")) {
        try await fixture.query { $0.dataset = "visits" }
      }
    }
  }

  @Test("a budget that does not suffice is a hard stop that says what is left")
  func hardStop() async throws {
    try await TrainerFixture.run { fixture in
      _ = try await fixture.countPeople(epsilon: 8)
      let before = try await fixture.budget()
      let readBefore = fixture.features.requests.count
      let error = try #require(
        await refusal { _ = try await fixture.countPeople(epsilon: 9) })
      #expect(error.code == .resourceExhausted)
      let details = Dictionary(uniqueKeysWithValues: error.details.map { ($0.key, $0.value) })
      #expect(details["epsilon-left"].flatMap(Double.init) == before.epsilonLeft)
      let asked = try #require(details["epsilon-asked"].flatMap(Double.init))
      #expect(asked <= 9 && asked > 8.999)
      #expect(try await fixture.budget() == before)
      #expect(fixture.features.requests.count == readBefore)
      #expect(try fixture.audited("trainer.charge_refused").count == 1)

      // What is said to be admissible is, and hardly more than that.
      let admissible = try #require(details["epsilon-admissible"].flatMap(Double.init))
      #expect(admissible > before.epsilonLeft)
      await #expect(throws: TrainerError.self) {
        try await fixture.countPeople(epsilon: admissible * 1.001)
      }
      _ = try await fixture.countPeople(epsilon: admissible * 0.999)
      #expect(try await fixture.budget().epsilonSpent <= 10)
    }
  }
}
