import ConsentAPI
import ConsentService
import Gate
import PrivacyCore
import RPC
import TestSupport
import Testing

@Suite("Withdrawing for many people at once")
struct WithdrawManyTests {
  private func request(_ people: some Sequence<UInt64>, key: String = "") -> WithdrawManyRequest {
    WithdrawManyRequest(
      pids: people.map { Example.pid($0).bytes }, source: "campaign-end", idempotencyKey: key)
  }

  @Test("people share transactions and barriers, and no gate serves any of them after the answer")
  func sharedBarriers() async throws {
    var configuration = ConsentConfiguration.steady
    configuration.withdrawalBatchCount = 40
    try await ConsentFixture.run(configuration: configuration) { fixture async throws in
      _ = try await fixture.importing((1...100).map { Example.line(UInt64($0)) })
      try await fixture.withGate("features") { first async throws in
        try await fixture.withGate("vectors") { second async throws in
          let reply = try await fixture.client.withdrawMany(request(1...100))
          #expect(reply.people.count == 100)
          #expect(reply.people.allSatisfy { $0.created })
          #expect(reply.people.map(\.sequence) == Array(101...200))
          #expect(reply.barriers.map(\.people) == [40, 40, 20])
          #expect(reply.barriers.map(\.lastSequence) == [140, 180, 200])
          for barrier in reply.barriers {
            #expect(barrier.gates.map(\.gate) == ["features", "vectors"])
            #expect(barrier.gates.allSatisfy { $0.confirmed && $0.afterUs >= 0 })
          }
          for person in UInt64(1)...100 {
            #expect(try first.withholding(person) == .withdrawn)
            #expect(try second.withholding(person) == .withdrawn)
          }
        }
      }
    }
  }

  @Test("who was withdrawn before keeps the first receipt")
  func again() async throws {
    try await ConsentFixture.run { fixture async throws in
      let first = try await fixture.withdraw(1)
      let reply = try await fixture.client.withdrawMany(request([1, 2]))
      #expect(reply.people.map(\.created) == [false, true])
      #expect(reply.people.first?.consentID == first.receipt?.consentID)
    }
  }

  @Test("under a key the same request is answered alike, also after consents in between")
  func key() async throws {
    try await ConsentFixture.run { fixture async throws in
      let first = try await fixture.client.withdrawMany(request(1...5, key: "bulk"))
      try await fixture.grant(3)
      let again = try await fixture.client.withdrawMany(request(1...5, key: "bulk"))
      #expect(again.people == first.people)
      #expect(try await fixture.reason(3) == .granted)
      #expect(
        await refusal {
          _ = try await fixture.client.withdrawMany(request(1...6, key: "bulk"))
        }?.code == .alreadyExists)
    }
  }

  @Test("nobody, too many, or somebody twice is refused")
  func refusals() async throws {
    try await ConsentFixture.run { fixture async throws in
      for people in [[], [1, 1]] as [[UInt64]] {
        #expect(
          await refusal { _ = try await fixture.client.withdrawMany(request(people)) }?.code
            == .invalidArgument)
      }
      let tooMany = request(1...10_001)
      #expect(
        await refusal { _ = try await fixture.client.withdrawMany(tooMany) }?.code
          == .invalidArgument)
      #expect(try await fixture.exported().isEmpty)
    }
  }

  @Test("ten thousand people are withdrawn in one call")
  func tenThousand() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.withGate { gate async throws in
        let reply = try await fixture.client.withdrawMany(
          request(1...10_000), options: CallOptions(timeoutMs: 120_000))
        #expect(reply.people.count == 10_000)
        #expect(reply.barriers.map(\.people) == [2_500, 2_500, 2_500, 2_500])
        // On a busy machine the gate's lease may run out: then it serves nobody.
        #expect(reply.barriers.allSatisfy { $0.gates.count == 1 })
        try await eventually("the gate knows of all") {
          try gate.withholding(10_000) == .withdrawn
        }
      }
    }
  }
}
