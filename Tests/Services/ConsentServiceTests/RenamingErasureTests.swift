import AuditLog
import ConsentAPI
import ConsentService
import ConsentVerifier
import Foundation
import Gate
import PrivacyCore
import RPC
import TestSupport
import Testing
import TransparencyLog
import VaultAPI

@Suite("Erasing people who get another pid")
struct RenamingErasureTests {
  private static func configuration(waitMs: Int) -> ConsentConfiguration {
    var configuration = ConsentConfiguration.steady
    configuration.erasureStores = ["features"]
    configuration.certificateWaitMs = waitMs
    return configuration
  }

  private func run(
    _ rotation: StubRotation, waitMs: Int = 10_000,
    _ body: (ConsentFixture) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory async throws in
      try await rotation.run { client async throws in
        try await ConsentFixture.run(
          in: directory, rotation: client, configuration: Self.configuration(waitMs: waitMs)
        ) { fixture async throws in try await fixture.whileRunning { try await body(fixture) } }
      }
    }
  }

  private func erase(_ fixture: ConsentFixture, _ person: UInt64) async throws -> EraseReply {
    try await fixture.client.erase(
      EraseRequest(pid: Example.pid(person).bytes, ground: "gdpr-17-1-b", source: "letter"))
  }

  /// The certificate as somebody who has only the keys of the logs reads it.
  private func certificate(
    _ fixture: ConsentFixture, _ person: UInt64
  ) async throws -> ErasureCertificate {
    let reply = try await fixture.client.erasureCertificate(
      CertificateRequest(pid: Example.pid(person).bytes))
    #expect(reply.missing == [])
    let file = try ErasureCertificateFile(
      certificate: reply.certificate, statements: reply.statements, evidence: reply.evidence)
    let policy = try TrustPolicy(
      logs: ["consent", "vault", "features"].map { try ConsentFixture.signer(of: $0).key })
    return try ErasureVerifier(policy: policy).verify(file)
  }

  @Test(
    "an erasure under either pid erases the person, and its certificate holds",
    arguments: [
      UInt64(1), 101,
    ])
  func eitherPid(_ person: UInt64) async throws {
    let rotation = StubRotation()
    try await run(rotation) { fixture async throws in
      try await fixture.withGate(effects: StatingEffects("features")) { gate async throws in
        try await fixture.grant(1)
        rotation.rename([(1, 101)])
        try await rotation.settled()
        let reply = try await erase(fixture, person)
        #expect(reply.certified)
        #expect(Set(fixture.vault.forgotten) == [Example.pid(101).bytes])
        for pid in [UInt64(1), 101] {
          #expect(try await fixture.reason(pid) == .erased)
          #expect(try gate.withholding(pid) == .erased)
          #expect(try await certificate(fixture, pid).sequence == reply.receipt?.sequence)
          #expect(try await erase(fixture, pid).receipt == reply.receipt)
          let refused = await refusal { try await fixture.grant(pid) }
          #expect(refused?.message.contains("erased") == true)
          // Nothing of before can be shown; that nothing is allowed can.
          let evidence = try await fixture.client.prove(
            ProveRequest(pid: Example.pid(pid).bytes, scope: "product_recs"))
          #expect(evidence.pid == Example.pid(101).bytes)
          #expect(evidence.answer?.reason == .erased)
          try EvidenceVerifier(policy: TrustPolicy(logs: [fixture.audit.verifyingKey()]))
            .verify(evidence)
        }
      }
    }
  }

  @Test("an erasure that the renaming overtakes is finished under the pid it began with")
  func overtaken() async throws {
    let rotation = StubRotation()
    try await run(rotation, waitMs: 50) { fixture async throws in
      try await fixture.grant(1)
      try await fixture.grant(2)
      fixture.vault.setUp(false)
      let refused = await refusal { _ = try await erase(fixture, 1) }
      #expect(refused?.code == .unavailable)
      rotation.rename([(1, 101), (2, 102)])
      rotation.set { $0.phase = .dualRead }
      try await rotation.settled()
      // The store knows them by the former pids: it is not done before the vault is.
      #expect(rotation.last?.peopleLeft == 1)
      #expect(rotation.last?.scan == nil)
      #expect(try await fixture.reason(101) == .erased)
      fixture.vault.setUp(true)
      try await eventually("the vault forgets") { rotation.last?.peopleLeft == 0 }
      #expect(Set(fixture.vault.forgotten) == [Example.pid(1).bytes])
      try await eventually("a scan is told") { rotation.last?.scan != nil }
      // A store that speaks when the rotation is over is heard.
      rotation.set {
        $0.phase = .retired
        $0.retiredRotation = 1
      }
      try await eventually("the former pid is nobody's") {
        try await fixture.reason(2) == .neverAsked
      }
      let none = await refusal { _ = try await certificate(fixture, 1) }
      #expect(none?.code == .notFound)
      try await fixture.withGate(effects: StatingEffects("features")) { gate async throws in
        try await eventually("it is certified") {
          try await !fixture.client.erasureCertificate(
            CertificateRequest(pid: Example.pid(101).bytes)
          ).certificate.isEmpty
        }
        let certificate = try await certificate(fixture, 101)
        #expect(certificate.pid == Example.pid(1))
        #expect(certificate.kept.first?.count == 3)
        #expect(try gate.withholding(101) == .erased)
      }
    }
  }
}
