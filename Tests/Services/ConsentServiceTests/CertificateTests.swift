import AuditAPI
import AuditLog
import ConsentAPI
import ConsentService
import ConsentVerifier
import Foundation
import Gate
import PrivacyCore
import RPC
import Synchronization
import TestSupport
import Testing
import TransparencyLog

@Suite("Certificates of erasure")
struct CertificateTests {
  private let request = EraseRequest(
    pid: Example.pid(1).bytes, ground: "gdpr-17-1-b", source: "letter")

  private static let stores = ["features", "vectors"]

  private func configuration(waitMs: Int = 10_000) -> ConsentConfiguration {
    var configuration = ConsentConfiguration.steady
    configuration.erasureStores = Self.stores
    configuration.certificateWaitMs = waitMs
    return configuration
  }

  private func policy(_ services: [String] = ["consent", "vault"] + stores) throws -> TrustPolicy {
    try TrustPolicy(
      logs: services.map { try ConsentFixture.signer(of: $0).key })
  }

  private func file(_ fixture: ConsentFixture, _ person: UInt64 = 1) async throws
    -> ErasureCertificateFile
  {
    let reply = try await fixture.client.erasureCertificate(
      CertificateRequest(pid: Example.pid(person).bytes))
    #expect(reply.missing == [])
    return try ErasureCertificateFile(
      certificate: reply.certificate, statements: reply.statements, evidence: reply.evidence)
  }

  /// Two gates that state, and a service that works.
  private func withStores<Result>(
    _ fixture: ConsentFixture, models: [ModelMention]? = nil,
    _ body: () async throws -> Result
  ) async throws -> Result {
    try await fixture.whileRunning {
      try await fixture.withGate("features", effects: StatingEffects("features")) { _ in
        try await fixture.withGate("vectors", effects: StatingEffects("vectors", models: models)) {
          _ in try await body()
        }
      }
    }
  }

  @Test("an erasure is certified when every store has spoken, and the certificate holds offline")
  func certified() async throws {
    try await ConsentFixture.run(configuration: configuration()) { fixture async throws in
      try await fixture.grant(1)
      try await withStores(fixture) {
        let reply = try await fixture.client.erase(request)
        #expect(reply.certified)
        #expect(reply.missing == [])
        let file = try await file(fixture)
        let certificate = try ErasureVerifier(policy: policy()).verify(file)
        #expect(certificate.pid == Example.pid(1))
        #expect(certificate.sequence == reply.receipt?.sequence)
        #expect(certificate.ground == "gdpr-17-1-b")
        #expect(certificate.recordedAtUs <= certificate.inForceAtUs)
        #expect(certificate.inForceAtUs <= certificate.atUs)
        #expect(certificate.statements.map(\.service) == ["features", "vault", "vectors"])
        #expect(certificate.kept.first?.what == "receipts")
        #expect(certificate.kept.first?.count == 2)
        #expect(file.stores.map(\.subjectKey) == [nil, "destroyed", nil])
        #expect(try ErasureCertificateFile(json: file.json()) == file)
        // The same again, and one entry in the log for it.
        _ = try await fixture.client.erase(request)
        #expect(try await self.file(fixture).certificate == file.certificate)
        let actions = try fixture.audit.records(limit: 10).map(\.action)
        #expect(actions == ["consent.erase", "consent.certify_erasure"])
      }
    }
  }

  @Test("while a store is away there is no certificate, and it comes when the store does")
  func absentStore() async throws {
    try await ConsentFixture.run(configuration: configuration(waitMs: 20)) { fixture async throws in
      try await fixture.whileRunning {
        try await fixture.withGate("features", effects: StatingEffects("features")) { _ in
          let reply = try await fixture.client.erase(request)
          #expect(!reply.certified)
          #expect(reply.missing.contains("vectors"))
          #expect(reply.subjectKeyDestroyed)
        }
        let waiting = try await fixture.client.erasureCertificate(
          CertificateRequest(pid: Example.pid(1).bytes))
        #expect(waiting.certificate == [])
        #expect(waiting.missing.contains("vectors"))
      }
      try await withStores(fixture) {
        try await eventually("the certificate is there") {
          try await !fixture.client.erasureCertificate(
            CertificateRequest(pid: Example.pid(1).bytes)
          ).certificate.isEmpty
        }
        try await ErasureVerifier(policy: policy()).verify(file(fixture))
      }
    }
  }

  @Test("a store that still finds rows is not believed, and is asked again")
  func rowsLeft() async throws {
    try await ConsentFixture.run(configuration: configuration(waitMs: 50)) { fixture async throws in
      let vectors = StatingEffects("vectors")
      vectors.leave(1)
      try await fixture.whileRunning {
        try await fixture.withGate("features", effects: StatingEffects("features")) { _ in
          try await fixture.withGate("vectors", effects: vectors) { _ in
            #expect(try await fixture.client.erase(request).missing.contains("vectors"))
            vectors.leave(0)
            try await eventually("the certificate is there") {
              try await fixture.client.erase(request).certified
            }
          }
        }
      }
    }
  }

  @Test("an erasure that was not certified is after a restart")
  func restart() async throws {
    try await withTemporaryDirectory { directory async throws in
      try await ConsentFixture.run(in: directory, configuration: configuration(waitMs: 0)) {
        fixture async throws in
        #expect(try await !fixture.client.erase(request).certified)
      }
      try await ConsentFixture.run(in: directory, configuration: configuration()) {
        fixture async throws in
        try await withStores(fixture) {
          try await eventually("the certificate is there") {
            try await fixture.client.erase(request).certified
          }
        }
      }
    }
  }

  @Test("a model is named where the person allowed its scope when it was made")
  func models() async throws {
    try await ConsentFixture.run(configuration: configuration()) { fixture async throws in
      let granted = try await fixture.grant(1)
      let at = granted.recordedAtUs
      let hour: Int64 = 3_600_000_000
      let models = [
        ModelMention(id: "m_1", scope: "product_recs", madeAtUs: at, epsilon: 1.5, delta: 1e-6),
        ModelMention(
          id: "m_2", scope: "product_recs", madeAtUs: at - 1, epsilon: 1.5, delta: 1e-6),
        ModelMention(id: "m_3", scope: "analytics", madeAtUs: at, epsilon: 1.5, delta: 1e-6),
        ModelMention(
          id: "m_4", scope: "product_recs", madeAtUs: at + hour, epsilon: 0.5, delta: 1e-9),
      ]
      try await withStores(fixture, models: models) {
        _ = try await fixture.client.erase(request)
        let file = try await file(fixture)
        #expect(file.models.map(\.id) == ["m_1", "m_4"])
        #expect(file.models.map(\.epsilon) == [1.5, 0.5])
        try ErasureVerifier(policy: policy()).verify(file)
      }
    }
  }

  @Test("somebody who was not erased has no certificate")
  func notErased() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1)
      for person in [1, 2] as [UInt64] {
        let error = await refusal {
          _ = try await fixture.client.erasureCertificate(
            CertificateRequest(pid: Example.pid(person).bytes))
        }
        #expect(error?.code == .notFound)
      }
    }
  }

  @Test("whatever is changed in a certificate, it certifies nothing")
  func tampering() async throws {
    try await ConsentFixture.run(configuration: configuration()) { fixture async throws in
      try await withStores(fixture) {
        _ = try await fixture.client.erase(request)
        _ = try await fixture.client.erase(
          EraseRequest(pid: Example.pid(2).bytes, ground: "gdpr-17-1-b", source: "letter"))
        let file = try await file(fixture)
        let other = try await self.file(fixture, 2)
        let verifier = try ErasureVerifier(policy: policy())
        try verifier.verify(file)
        let json = String(decoding: try file.json(), as: UTF8.self)
        let changes: [(String, String, String)] = [
          ("the person", file.person, other.person),
          ("the ground", "gdpr-17-1-b", "gdpr-17-1-a"),
          ("rows removed", "\"removed\" : 10", "\"removed\" : 11"),
          ("the key", "destroyed", "there was none"),
          ("a signed number", "removed 10", "removed 11"),
          ("the certificate", Self.quoted(file.certificate), Self.quoted(other.certificate)),
          ("a statement", Self.quoted(file.statements[0]), Self.quoted(other.statements[0])),
          ("a statement twice", Self.quoted(file.statements[0]), Self.quoted(file.statements[1])),
          ("the evidence", file.evidence, other.evidence),
          ("no evidence", file.evidence, ""),
        ]
        for (what, from, to) in changes {
          #expect(json.contains(from), "\(what)")
          let changed = json.replacingOccurrences(of: from, with: to)
          #expect(throws: EvidenceFault.self, "\(what)") {
            try verifier.verify(ErasureCertificateFile(json: Array(changed.utf8)))
          }
        }
        // A store less, told consistently.
        let fewer = try ErasureCertificateFile(
          certificate: Array(file.certificate.utf8),
          statements: file.statements.dropFirst().map { Array($0.utf8) },
          evidence: required(Base64.decode(file.evidence)))
        #expect(throws: EvidenceFault.self) { try verifier.verify(fewer) }
        // A store's log that is not trusted.
        for untrusted in ["consent", "vault", "features", "vectors"] {
          let services = ["consent", "vault", "features", "vectors"].filter { $0 != untrusted }
          #expect(throws: EvidenceFault.self, "\(untrusted)") {
            try ErasureVerifier(policy: policy(services)).verify(file)
          }
        }
      }
    }
  }

  private static func quoted(_ note: String) -> String {
    note.replacingOccurrences(of: "\n", with: "\\n")
  }

  @Test("a note says one thing in one way")
  func texts() throws {
    var statement = ErasureStatement(
      origin: "tacit/trainer/test", service: "trainer", pid: Example.pid(1), sequence: 41,
      atUs: 1_768_048_496_000_000, removed: 0, left: 0)
    #expect(ErasureStatement(text: statement.text) == statement)
    statement.modelCount = 1
    statement.models = [
      ModelMention(id: "m_1", scope: "product_recs", madeAtUs: 5, epsilon: 1.5, delta: 1e-6)
    ]
    #expect(ErasureStatement(text: statement.text) == statement)
    statement.key = .absent
    #expect(ErasureStatement(text: statement.text) == statement)
    for wrong in [
      statement.text + "more\n", String(statement.text.dropLast()),
      statement.text.replacingOccurrences(of: "sequence 41", with: "sequence 041"),
      statement.text.replacingOccurrences(of: "1.5", with: "1.50"),
      statement.text.replacingOccurrences(of: "key absent 0", with: "key absent 1"),
      statement.text.replacingOccurrences(of: "removed 0\n", with: ""), "",
    ] {
      #expect(ErasureStatement(text: wrong) == nil)
    }
  }
}
