internal import FeaturesAPI
internal import RPC
internal import TestSupport
internal import Testing
internal import TrainerAPI
internal import TrainerService

@Suite("What a question is charged")
struct ChargeTests {
  @Test("a feature store that fails in the middle costs nothing")
  func failureWhileReading() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.grant(1, 2)
      fixture.features.hold(1, 2)
      fixture.features.onTrainingSet { throw RPCError(.internalError, "the disk is full") }
      let error = await refusal { _ = try await fixture.countPeople() }
      #expect(error?.code == .internalError)
      #expect(try await fixture.budget().epsilonSpent == 0)
      #expect(try await fixture.charges().map(\.state) == [.released])
      fixture.features.onTrainingSet(nil)
      _ = try await fixture.countPeople()
      #expect(try await fixture.charges().map(\.state) == [.released, .settled])
    }
  }

  @Test("a caller who goes away while people are read is charged nothing", .timeLimit(.minutes(1)))
  func cancellation() async throws {
    try await TrainerFixture.run { fixture in
      let (reached, signal) = AsyncStream<Void>.makeStream()
      fixture.features.onTrainingSet {
        signal.finish()
        try await Task.sleep(for: .seconds(60))
      }
      let question = Task { try await fixture.countPeople() }
      for await _ in reached {}
      question.cancel()
      let outcome = await question.result
      #expect(throws: (any Error).self) { try outcome.get() }
      let charges = try await fixture.charges()
      #expect(charges.map(\.state) == [.released])
      #expect(try await fixture.budget().epsilonSpent == 0)
    }
  }

  @Test("a failure after the noise was drawn leaves the charge in the ledger")
  func failureAfterNoise() async throws {
    let random = HookedRandom()
    try await TrainerFixture.runWithRestart(random: random) { fixture, restart in
      try await fixture.grant(1)
      fixture.features.hold(1)
      random.onNextDraw { fixture.closeStore() }
      await #expect(throws: (any Error).self) { try await fixture.countPeople() }
      let next = try await restart(fixture)
      #expect(try await next.charges().map(\.state) == [.reserved])
      #expect(try await next.budget().epsilonSpent > 0.99)
    }
  }

  @Test("a hundred questions at once do not overspend, and the ledger holds those admitted")
  func concurrency() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.open(purpose: "few", epsilonLimit: 1)
      let outcomes = await withTaskGroup(of: RPCError?.self) { group in
        for _ in 0..<100 {
          group.addTask {
            await refusal {
              _ = try await fixture.query { request in
                request.purpose = "few"
                request.epsilon = 0.4
              }
            }
          }
        }
        return await group.reduce(into: [RPCError?]()) { $0.append($1) }
      }
      let admitted = outcomes.count { $0 == nil }
      #expect(admitted >= 2 && admitted < 10)
      #expect(outcomes.allSatisfy { $0 == nil || $0?.code == .resourceExhausted })
      let budget = try await fixture.budget("few")
      #expect(budget.epsilonSpent <= 1)
      #expect(budget.chargeCount == UInt64(admitted))
      let charges = try await fixture.charges("few")
      #expect(charges.count == admitted)
      #expect(charges.allSatisfy { $0.state == .settled })
      #expect(fixture.features.requests.count == admitted)
      // One more of the kind would be too much: nobody was refused who could have been admitted.
      await #expect(throws: TrainerError.self) {
        try await fixture.query { request in
          request.purpose = "few"
          request.epsilon = 0.4
        }
      }
    }
  }
}
