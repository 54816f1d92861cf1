internal import Gate
internal import TestSupport
internal import Testing
internal import TrainerAPI
internal import TrainerService

@Suite("Learning without a lease")
struct LeaseTests {
  @Test("a query with a lease is answered and charged")
  func live() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.grant(1)
      fixture.features.hold(1, 2)
      let reply = try await fixture.countPeople()
      #expect(reply.counts.count == 1)
      let spent = try await fixture.budget().epsilonSpent
      #expect(spent > 0)
    }
  }

  @Test("nothing is charged where the gate holds no lease, also when nobody is in the set")
  func noLease() async throws {
    try await TrainerFixture.run { fixture in
      fixture.gate.endLease()
      await #expect(throws: TrainerError.consentUnreachable) {
        try await fixture.countPeople()
      }
      let spent = try await fixture.budget().epsilonSpent
      #expect(spent == 0)
    }
  }

  @Test("nothing is charged where the lease is lost while the set is read")
  func lostHalfWay() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.grant(1)
      fixture.features.hold(1)
      fixture.features.onTrainingSet { fixture.gate.endLease() }
      await #expect(throws: TrainerError.consentUnreachable) {
        try await fixture.countPeople()
      }
      let spent = try await fixture.budget().epsilonSpent
      #expect(spent == 0)
    }
  }
}
