internal import DifferentialPrivacy
internal import FeaturesAPI
internal import Foundation
internal import PrivacyCore
internal import RPC
internal import TestSupport
internal import Testing
internal import TrainerAPI
internal import TrainerService

@Suite("Questions about many people")
struct QueryTests {
  @Test("people are counted, whatever they have")
  func people() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.openExact()
      try await fixture.grant(1, 2, 3, 4, 5)
      fixture.features.hold(1, 2, 3, 4, 5)
      fixture.features.had(["a": 1], 2)
      #expect(try await fixture.exact() == [5])
    }
  }

  @Test("those who have a feature are counted; a declared default is nobody's own")
  func holders() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.openExact()
      try await fixture.grant(1, 2, 3, 4)
      fixture.features.hold(1, 2, 3, 4)
      fixture.features.say("loyalty:spent", .doubleValue(7), of: 1)
      fixture.features.say("loyalty:spent", .doubleValue(0), of: 2)
      fixture.features.say("loyalty:spent", .doubleValue(0), of: 3, status: .default)
      #expect(try await fixture.exact(feature: "loyalty:spent") == [2])
      #expect(fixture.features.requests.map(\.features) == [["loyalty:spent"]])
    }
  }

  @Test("a histogram counts the named values in the order of the keys and passes over others")
  func histogram() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.openExact()
      try await fixture.grant(1, 2, 3, 4, 5)
      fixture.features.hold(1, 2, 3, 4, 5)
      for (person, country) in [(1, "de"), (2, "fr"), (3, "de"), (4, "it")] as [(UInt8, String)] {
        fixture.features.say("loyalty:country", .stringValue(country), of: person)
      }
      fixture.features.say("loyalty:country", .stringValue("fr"), of: 5, status: .default)
      let reply = try await fixture.query { request in
        request.purpose = "exact"
        request.epsilon = TrainerFixture.exactEpsilon
        request.feature = "loyalty:country"
        request.keys = ["fr", "xx", "de"]
      }
      #expect(reply.counts.map(\.key) == ["fr", "xx", "de"])
      #expect(reply.counts.map(\.count) == [1, 0, 2])
    }
  }

  @Test("truth values and whole numbers are counted by their text")
  func otherTypes() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.openExact()
      try await fixture.grant(1, 2, 3)
      fixture.features.hold(1, 2, 3)
      for person in [1, 2, 3] as [UInt8] {
        fixture.features.say("loyalty:member", .boolValue(person == 1), of: person)
        fixture.features.say("loyalty:level", .intValue(Int64(person) - 2), of: person)
      }
      #expect(
        try await fixture.exact(feature: "loyalty:member", keys: ["true", "false"]) == [1, 2])
      #expect(
        try await fixture.exact(feature: "loyalty:level", keys: ["-1", "0", "2"]) == [1, 1, 0])
    }
  }

  @Test("who does not allow the scope at the trainer's own gate is not counted")
  func ownGate() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.openExact()
      try await fixture.grant(1, 2, 3)
      try await fixture.withdraw(2)
      fixture.features.hold(1, 2, 3, 4)
      #expect(try await fixture.exact() == [2])
    }
  }

  @Test(
    "a training set in which somebody comes twice or out of order is refused and costs nothing",
    arguments: [[1, 1], [2, 1], [1, 2, 1], [1, 2, 3, 4, 4]] as [[UInt8]])
  func onceEach(people: [UInt8]) async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.grant([1, 2, 3, 4])
      fixture.features.hold(people)
      await #expect(throws: TrainerError.badTrainingSet) { try await fixture.countPeople() }
      #expect(try await fixture.budget().epsilonSpent == 0)
    }
  }

  @Test("the noise has the stated deviation, which is what epsilon buys, and no bias")
  func noise() async throws {
    try await TrainerFixture.run(random: SeededRandom(seed: 20)) { fixture in
      let reply = try await fixture.query { request in
        request.epsilon = 0.2
        request.feature = "loyalty:level"
        request.keys = (0..<10_000).map(String.init)
      }
      let noise = reply.counts.map { Double($0.count) }
      let count = Double(noise.count)
      let sigma = reply.standardDeviation
      let mean = noise.reduce(0, +) / count
      let variance = noise.reduce(0) { $0 + $1 * $1 } / count
      #expect(abs(mean) < 5 * sigma / count.squareRoot())
      // The variance of n squares of normal numbers is 2/n; rounding to whole people adds 1/12.
      #expect(abs(variance / (sigma * sigma + 1.0 / 12) - 1) < 5 * (2 / count).squareRoot())
      let epsilon = AnalyticGaussian.epsilon(
        noiseMultiplier: try NoiseMultiplier(sigma), delta: try Delta(1e-5))
      #expect(epsilon <= 0.2 && epsilon > 0.199_9)
      #expect(reply.epsilon <= 0.2 && reply.epsilon > 0.199_999)
    }
  }

  @Test("the margin is 1.96 standard deviations", arguments: [0.1, 1, 5])
  func margin(epsilon: Double) async throws {
    try await TrainerFixture.run { fixture in
      let reply = try await fixture.countPeople(epsilon: epsilon)
      #expect(abs(reply.margin95 / reply.standardDeviation - 1.959_964) < 1e-6)
    }
  }

  @Test("the reply says where the budget stands afterwards, and people are read as of now")
  func reply() async throws {
    try await TrainerFixture.run { fixture in
      let reply = try await fixture.countPeople()
      #expect(reply.budget == (try await fixture.budget()))
      #expect(reply.budget?.chargeCount == 1)
      let request = try #require(fixture.features.requests.first)
      #expect(request.asOfUs == fixture.nowUs)
      #expect(request.scope == "analytics")
      #expect(request.purpose == "test")
    }
  }

  @Test("the same question asked twice costs twice and is answered with fresh noise")
  func twice() async throws {
    try await TrainerFixture.run { fixture in
      let first = try await fixture.countPeople(epsilon: 0.1)
      let spentOnce = try await fixture.budget().epsilonSpent
      let second = try await fixture.countPeople(epsilon: 0.1)
      let budget = try await fixture.budget()
      #expect(budget.chargeCount == 2)
      #expect(budget.epsilonSpent > 1.3 * spentOnce)
      #expect(first.counts != second.counts)
      let charges = try await fixture.charges()
      #expect(charges.map(\.state) == [.settled, .settled])
      #expect(charges.map(\.operation) == ["count:people", "count:people"])
    }
  }
}
