import AuditLog
import ConsentAPI
import ConsentService
import ConsentVerifier
import Foundation
import PrivacyCore
import SealedStore
import TestSupport
import Testing
import TransparencyLog
import VaultAPI

/// The recorded certificate in Tests/Vectors/erasure-certificates: what the service writes, byte for
/// byte, for other verifiers. `TACIT_RECORD_VECTORS=1` records it anew.
@Suite("The recorded certificate of erasure")
struct CertificateVectorTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Vectors/erasure-certificates")

  /// The files that always the same steps make.
  private func make() async throws -> [String: [UInt8]] {
    try await withTemporaryDirectory { directory in
      let time = ManualTime()
      let (store, audit, ledger) = try EvidenceVectorTests.open(
        at: directory, time, name: "tacit/consent/test")
      defer { store.close() }
      let pid = Example.pid(1)
      let principal = "spiffe://tacit/user/privacy/dev"
      _ = try await ledger.answer(
        ReceiptDraft(
          pid: pid, kind: .grant, scopes: ["product_recs"],
          expiresAt: time.now.advanced(byMicroseconds: 86_400_000_000), source: "web-portal:v2",
          version: 2), by: principal)
      let madeAtUs = time.now.microseconds
      time.advance(microseconds: 1_500_000)
      let sequence = try await ledger.erase(
        ReceiptDraft(pid: pid, kind: .erasure, scopes: [], source: "letter", version: 0),
        ground: "gdpr-17-1-b", by: principal
      ).receipt.sequence
      // When the log signs by itself is a matter of luck while the clock stands still.
      _ = try await audit.publish()
      func statement(_ service: String, removed: UInt64) -> ErasureStatement {
        ErasureStatement(
          origin: "tacit/\(service)/test", service: service, pid: pid, sequence: sequence,
          atUs: time.now.microseconds, removed: removed, left: 0)
      }
      var vault = statement("vault", removed: 2)
      vault.key = .destroyed(epoch: 7)
      var trainer = statement("trainer", removed: 0)
      trainer.modelCount = 2
      trainer.models = [
        ModelMention(
          id: "m_01JB0000000000000000000001", scope: "product_recs", madeAtUs: madeAtUs,
          epsilon: 1.5, delta: 1e-6),
        ModelMention(
          id: "m_01JB0000000000000000000000", scope: "marketing", madeAtUs: madeAtUs,
          epsilon: 0.25, delta: 1e-9),
      ]
      let stores = ["features", "trainer", "vectors"]
      let reply = ForgetReply(
        identifiersRemoved: 2, keyDestroyed: true, statement: try ConsentFixture.signed(vault))
      _ = try await ledger.finishErasures(
        [(sequence, reply)], inForceAt: time.now, stores: stores)
      let others = [
        statement("features", removed: 1_003), trainer, statement("vectors", removed: 50),
      ]
      let tasks = try await ledger.note(
        others.map {
          ErasureDesk.Answer(
            sequence: sequence, service: $0.service, note: try ConsentFixture.signed($0))
        }, stores: stores)
      let task = try required(tasks.first).task
      time.advance(microseconds: 1_500_000)
      let evidence = try await ledger.evidence(of: pid, for: "product_recs", at: time.now)
      let file = try ErasureCertificateFile(
        certificate: task.certificate, statements: task.statements.map(\.note),
        evidence: evidence.packed())
      let keys =
        try ["consent", "vault"].map { try ConsentFixture.signer(of: $0).key }
        + stores.map { try ConsentFixture.signer(of: $0).key }
      let policy = try keys.map { "log \(try $0.text())\n" }.joined() + "quorum none\n"
      return ["certificate.json": try file.json(), "policy": Array(policy.utf8)]
    }
  }

  @Test("the same steps make the recorded files, and they verify")
  func recorded() async throws {
    let files = try await make()
    if ProcessInfo.processInfo.environment["TACIT_RECORD_VECTORS"] == "1" {
      try FileManager.default.createDirectory(
        at: Self.folder, withIntermediateDirectories: true)
      for (name, bytes) in files {
        try Data(bytes).write(to: Self.folder.appending(path: name))
      }
    }
    for (name, bytes) in files {
      let recorded = try Data(contentsOf: Self.folder.appending(path: name))
      #expect([UInt8](recorded) == bytes, "\(name)")
    }
    let policy = try TrustPolicy(
      text: String(decoding: try required(files["policy"]), as: UTF8.self))
    let file = try ErasureCertificateFile(json: required(files["certificate.json"]))
    #expect(file.models.map(\.id) == ["m_01JB0000000000000000000001"])
    try ErasureVerifier(policy: policy).verify(file)
  }
}
