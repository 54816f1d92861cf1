import ConsentAPI
import ConsentService
import Gate
import PrivacyCore
import RPC
import TestSupport
import Testing

@Suite("Forgetting many people at once")
struct EraseManyTests {
  private func request(
    _ people: some Sequence<UInt64>, ground: String = "gdpr-17-1-b", pace: UInt32 = 0
  ) -> EraseManyRequest {
    EraseManyRequest(
      pids: people.map { Example.pid($0).bytes }, ground: ground, source: "retention",
      peoplePerS: pace)
  }

  private func configuration() -> ConsentConfiguration {
    var configuration = ConsentConfiguration.steady
    configuration.erasureBatchCount = 40
    configuration.erasuresPerSecondMax = 100_000
    configuration.certificateWaitMs = 10_000
    return configuration
  }

  @Test("people share barriers, the vault forgets each, and no gate serves any of them afterwards")
  func sharedBarriers() async throws {
    try await ConsentFixture.run(configuration: configuration()) { fixture async throws in
      _ = try await fixture.importing((1...101).map { Example.line(UInt64($0)) })
      try await fixture.withGate("features") { first async throws in
        try await fixture.withGate("vectors") { second async throws in
          let reply = try await fixture.client.eraseMany(request(1...100))
          #expect(reply.people.count == 100)
          #expect(reply.people.allSatisfy { $0.created && $0.subjectKeyDestroyed })
          #expect(reply.people.map(\.sequence) == Array(102...201))
          #expect(reply.barriers.map(\.people) == [40, 40, 20])
          #expect(reply.barriers.flatMap(\.gates).allSatisfy { $0.confirmed })
          #expect(Set(fixture.vault.forgotten) == Set((1...100).map { Example.pid($0).bytes }))
          for person in UInt64(1)...100 {
            #expect(try first.withholding(person) == .erased)
            #expect(try second.withholding(person) == .erased)
          }
          #expect(try first.withholding(101) == nil)
        }
      }
    }
  }

  @Test("each erasure is certified by itself once every store has spoken")
  func certified() async throws {
    var configuration = configuration()
    configuration.erasureStores = ["features"]
    try await ConsentFixture.run(configuration: configuration) { fixture async throws in
      try await fixture.whileRunning {
        try await fixture.withGate("features", effects: StatingEffects("features")) { _ in
          let reply = try await fixture.client.eraseMany(request(1...50))
          #expect(reply.people.allSatisfy { $0.certified })
          let certificate = try await fixture.client.erasureCertificate(
            CertificateRequest(pid: Example.pid(50).bytes))
          #expect(!certificate.certificate.isEmpty)
        }
      }
    }
  }

  @Test("who was erased before keeps the first receipt, and the vault is not asked again")
  func again() async throws {
    try await ConsentFixture.run(configuration: configuration()) { fixture async throws in
      let first = try await fixture.client.eraseMany(request(1...3))
      let reply = try await fixture.client.eraseMany(request(2...4))
      #expect(reply.people.map(\.created) == [false, false, true])
      #expect(reply.people.map(\.consentID).prefix(2) == first.people.map(\.consentID).suffix(2))
      #expect(reply.people.allSatisfy { $0.subjectKeyDestroyed })
      #expect(fixture.vault.forgotten.count == 4)
    }
  }

  @Test("without the vault the first batch is in force, and a repeated call does the rest")
  func noVault() async throws {
    try await ConsentFixture.run(configuration: configuration()) { fixture async throws in
      try await fixture.withGate { gate async throws in
        fixture.vault.setUp(false)
        let request = request(1...50)
        #expect(
          await refusal { _ = try await fixture.client.eraseMany(request) }?.code == .unavailable)
        #expect(try gate.withholding(40) == .erased)
        #expect(try gate.withholding(41) == .neverAsked)
        fixture.vault.setUp(true)
        let reply = try await fixture.client.eraseMany(request)
        #expect(reply.people.map(\.created) == (1...50).map { $0 > 40 })
        #expect(reply.people.allSatisfy { $0.subjectKeyDestroyed })
        #expect(try gate.withholding(50) == .erased)
      }
    }
  }

  @Test("a caller can ask for less than the service's pace, and not for more")
  func pace() async throws {
    var configuration = configuration()
    configuration.erasureBatchCount = 10
    configuration.erasuresPerSecondMax = 200
    try await ConsentFixture.run(configuration: configuration) { fixture async throws in
      let fast = try await fixture.client.eraseMany(request(1...30, pace: 100_000))
      // The last batch of ten does not wait: 20 people at 200 a second.
      #expect(fast.durationUs >= 100_000)
      let slow = try await fixture.client.eraseMany(request(31...60, pace: 50))
      #expect(slow.durationUs >= 400_000)
    }
  }

  @Test("nobody, too many, somebody twice, or a ground that is none is refused")
  func refusals() async throws {
    try await ConsentFixture.run { fixture async throws in
      let requests = [
        request([]), request([1, 1]), request(1...10_001), request([1], ground: "Because"),
      ]
      for request in requests {
        #expect(
          await refusal { _ = try await fixture.client.eraseMany(request) }?.code
            == .invalidArgument)
      }
      #expect(try await fixture.exported().isEmpty)
    }
  }

  @Test(
    "the pace has limits", arguments: [(0, false), (1, true), (100_000, true), (100_001, false)])
  func limits(_ pace: Int, _ isFine: Bool) {
    var configuration = ConsentConfiguration.steady
    configuration.erasuresPerSecondMax = pace
    #expect((configuration.fault == nil) == isFine)
  }

  @Test(
    "how many share the transactions is configured within bounds",
    arguments: [(0, false), (1, true), (256, true), (257, false)])
  func batchCount(count: Int, isFine: Bool) {
    var configuration = ConsentConfiguration()
    configuration.erasureBatchCount = count
    #expect((configuration.fault == nil) == isFine)
  }
}
