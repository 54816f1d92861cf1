internal import DifferentialPrivacy
internal import Foundation
internal import RPC
internal import TestSupport
internal import Testing
internal import TrainerAPI
internal import TrainerService

/// A training run that is refused, and with which code.
struct RefusedRun: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let code: StatusCode
  let change: @Sendable (inout TrainRequest) -> Void

  init(
    _ testDescription: String, _ code: StatusCode,
    _ change: @escaping @Sendable (inout TrainRequest) -> Void
  ) {
    self.testDescription = testDescription
    self.code = code
    self.change = change
  }
}

@Suite("Training a model")
struct TrainTests {
  @Test("a model says what it cost, by which mechanisms and for how many people")
  func lineage() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.grant(1)
      fixture.features.hold(1)
      fixture.features.had(["a": 1], 1)
      let model = try #require(try await fixture.train())
      #expect(model.modelID.hasPrefix("m_"))
      #expect(model.name == "recommender")
      #expect(model.dataset == "orders")
      #expect(model.purpose == "test")
      #expect(model.itemCount == 2)
      #expect(model.dimension == 512)
      #expect(model.epsilon <= 1 && model.epsilon > 0.999_999)
      #expect(model.delta == 1e-5)
      #expect(model.asOfUs == fixture.nowUs)
      #expect(model.createdAtUs == fixture.nowUs)
      #expect(model.receiptsRoot.count == 32)
      #expect(model.manifestHash.count == 32)
      #expect(model.mechanisms.count == 3)
      #expect(model.mechanisms[0].contains("discrete-gaussian"))
      #expect(model.mechanisms[0].contains("2 totals"))
      #expect(model.mechanisms[1].contains("discrete-gaussian"))
      let charge = try #require(try await fixture.charges().first)
      #expect(charge.state == .settled)
      #expect(charge.operation == "train:recommender")
      #expect(charge.epsilon == model.epsilon)
      #expect(try await fixture.show("recommender") == model)
      #expect(try fixture.audited("trainer.model").map { $0["model"] } == [model.modelID])
    }
  }

  @Test("progress goes from 0 to 1 without a step back and ends with the model")
  func progress() async throws {
    var configuration = TrainerConfiguration()
    configuration.itemsPerChunk = 1
    try await TrainerFixture.run(configuration: configuration) { fixture in
      let people = (1...10).map(UInt8.init)
      try await fixture.grant(people)
      fixture.features.hold(people)
      var seen: [TrainProgress] = []
      try await fixture.train(send: { seen.append($0) })
      #expect(seen.first?.fraction == 0)
      #expect(seen.last?.fraction == 1)
      #expect(zip(seen, seen.dropFirst()).allSatisfy { $0.fraction <= $1.fraction })
      #expect(seen.last?.model != nil)
      #expect(seen.dropLast().allSatisfy { $0.model == nil })
      #expect(Set(seen.map(\.stage)) == ["reading", "releasing", "building vectors", "done"])
      #expect(seen.allSatisfy { $0.epsilonCharged > 0.999_999 && $0.epsilonCharged <= 1 })
    }
  }

  @Test(
    "a catalogue that cannot be used is refused before anything is charged",
    arguments: [[], ["a", "a"], ["a", ""], ["a", "b", "c", "b"]])
  func catalogue(codes: [String]) async throws {
    try await TrainerFixture.run { fixture in
      let error = await refusal {
        try await fixture.train { request in
          request.catalogue = codes.map { CatalogueItem(item: $0, text: "text") }
        }
      }
      #expect(error?.code == .invalidArgument)
      #expect(error?.message.contains("catalogue") == true)
      let charges = try await fixture.charges()
      #expect(charges.isEmpty)
      #expect(fixture.features.requests.isEmpty)
    }
  }

  private static let runs = [
    RefusedRun("no name", .invalidArgument) { $0.name = "" },
    RefusedRun("a name like an id", .invalidArgument) { $0.name = "m_01H" },
    RefusedRun("epsilon 0", .invalidArgument) { $0.epsilon = 0 },
    RefusedRun("epsilon NaN", .invalidArgument) { $0.epsilon = .nan },
    RefusedRun("no scope", .invalidArgument) { $0.scope = "" },
    RefusedRun("a time before 1970", .invalidArgument) { $0.asOfUs = -1 },
    RefusedRun("an unknown budget", .notFound) { $0.purpose = "other" },
    RefusedRun("more than the budget", .resourceExhausted) { $0.epsilon = 11 },
    RefusedRun("no tallies", .invalidArgument) {
      $0.historyFeature = "loyalty:country"
    },
    RefusedRun("no feature", .invalidArgument) { $0.historyFeature = "" },
    RefusedRun("another data set's feature", .invalidArgument) {
      $0.historyFeature = "returns:items"
    },
    RefusedRun("an unknown feature", .notFound) {
      $0.historyFeature = "visits:items"
    },
  ]

  @Test("a request that cannot be carried out costs nothing", arguments: runs)
  func refused(run: RefusedRun) async throws {
    try await TrainerFixture.run { fixture in
      let error = await refusal { try await fixture.train(run.change) }
      #expect(error?.code == run.code, "\(String(describing: error))")
      let charges = try await fixture.charges()
      #expect(charges.isEmpty)
      #expect(try await fixture.models().isEmpty)
    }
  }

  @Test("a caller who goes away before the noise is drawn is charged nothing")
  func goneBefore() async throws {
    try await TrainerFixture.run { fixture in
      await #expect(throws: CancellationError.self) {
        try await fixture.train(send: { progress in
          if progress.stage == "releasing" { throw CancellationError() }
        })
      }
      let charges = try await fixture.charges()
      #expect(charges.map(\.state) == [.released])
      #expect(try await fixture.budget().epsilonSpent == 0)
      #expect(try await fixture.models().isEmpty)
    }
  }

  @Test("a caller who goes away after the noise was drawn leaves a whole model behind")
  func goneAfter() async throws {
    var configuration = TrainerConfiguration()
    configuration.itemsPerChunk = 1
    try await TrainerFixture.run(configuration: configuration) { fixture in
      let run = Task {
        try await fixture.train(send: { progress in
          guard progress.stage == "building vectors" || progress.stage == "done" else { return }
          withUnsafeCurrentTask { $0?.cancel() }
          throw CancellationError()
        })
      }
      let outcome = await run.result
      #expect(throws: CancellationError.self) { try outcome.get() }
      #expect(try await fixture.charges().map(\.state) == [.settled])
      let model = try await fixture.show("recommender")
      let items = try await fetch(model.modelID, from: fixture).flatMap(\.items)
      #expect(items.map(\.item) == ["a", "b"])
    }
  }

  @Test("with hardly any noise the popularity is the sum of what people bought")
  func exactPopularity() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.openExact()
      let today = Int32(fixture.nowUs / 86_400_000_000)
      let people = (1...20).map(UInt8.init)
      try await fixture.grant(people)
      fixture.features.hold(people + [21])
      for person in people {
        fixture.features.had(
          person <= 10 ? ["a": today - 1, "gone": today - 1] : ["a": today - 21], person)
      }
      fixture.features.had(["b": today - 1], 21)
      let model = try #require(
        try await fixture.train { request in
          request.purpose = "exact"
          request.epsilon = 5_000
        })
      #expect(model.peopleNoisy == 20)

      let plan = try ReleasePlan(
        spending: PrivacyParameters(epsilon: 5_000, delta: 1e-5),
        on: PopularityFold.parts(itemCount: 2, peopleShare: 0.02))
      let sigma = 2 * plan.releases[0].multiplier
      let items = try await fetch(model.modelID, from: fixture).flatMap(\.items)
      let weights = items.map { Double($0.popularity) * sigma }
      let expected = 10 * exp(-1.0 / 20) + 10 * exp(-21.0 / 20)
      #expect(abs(weights[0] - expected) < 5 * sigma)
      // Nobody whom the trainer's own gate admits had it.
      #expect(weights[1] < 5 * sigma)
    }
  }
}
