import AuditLog
import ConsentAPI
import ConsentService
import ConsentVerifier
import Cryptography
import Foundation
import PrivacyCore
import SealedStore
import TestSupport
import Testing
import TransparencyLog

/// The recorded evidence in Tests/Vectors/consent-evidence: what the service writes, byte for byte, for
/// other verifiers. `TACIT_RECORD_VECTORS=1` records it anew.
@Suite("The recorded evidence")
struct EvidenceVectorTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Vectors/consent-evidence")

  static func open(
    at directory: URL, _ time: ManualTime, name: String = "tacit/consent/example"
  ) throws -> (SealedStore, AuditLog, ConsentLedger) {
    let key = try SealingKey(
      id: KeyID(rawValue: 1), secret: SecretBytes(copying: [UInt8](repeating: 7, count: 32)))
    let store = try SealedStore.open(
      at: directory, keys: SealingKeyRing(current: key),
      tables: ConsentService.tables + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "consent"))
    var configuration = AuditLogConfiguration()
    // Nothing is signed but when the steps say so.
    configuration.checkpointIntervalMs = 600_000
    let audit = AuditLog(
      store: store, time: time, random: SeededRandom(seed: 7),
      signer: try ConsentFixture.signer(name: name),
      configuration: configuration)
    let settings = ConsentConfiguration()
    let ledger = try ConsentLedger(
      store: store, audit: audit,
      register: CatalogRegister(scopes: settings.scopes, store: store),
      configuration: settings, time: time, random: SeededRandom(seed: 8))
    return (store, audit, ledger)
  }

  private struct Steps {
    var times: [Timestamp] = []
    let time: ManualTime
    let ledger: ConsentLedger

    mutating func done() {
      times.append(time.now)
      time.advance(microseconds: 1_500_000)
    }

    mutating func answer(_ person: UInt64, _ scopes: [String], days: Int64 = 365) async throws {
      _ = try await ledger.answer(
        ReceiptDraft(
          pid: Example.pid(person), kind: .grant, scopes: scopes,
          expiresAt: time.now.advanced(byMicroseconds: days * 86_400_000_000),
          source: "web-portal:v2", version: 2), by: "spiffe://tacit/user/privacy/dev")
      done()
    }

    mutating func takeBack(
      _ person: UInt64, _ kind: ReceiptDraft.Kind, _ scopes: [String] = []
    ) async throws {
      _ = try await ledger.takeBack(
        ReceiptDraft(
          pid: Example.pid(person), kind: kind, scopes: scopes, source: "letter", version: 0),
        by: "spiffe://tacit/user/privacy/dev")
      done()
    }

    mutating func `import`(_ people: ClosedRange<UInt64>) async throws {
      let lines = people.map { ImportLine(number: $0, draft: .success(Example.draft($0, id: $0))) }
      _ = try await ledger.record(lines, by: "spiffe://tacit/user/privacy/dev")
      done()
    }
  }

  /// The files that always the same steps make.
  private func make() async throws -> [String: [UInt8]] {
    try await withTemporaryDirectory { directory in
      let time = ManualTime()
      let (store, audit, ledger) = try Self.open(at: directory, time)
      defer { store.close() }
      var steps = Steps(time: time, ledger: ledger)
      try await steps.answer(1, ["product_recs", "analytics"])  // 0
      try await steps.import(1_000...1_299)  // 1
      try await steps.takeBack(1, .withdrawal, ["analytics"])  // 2
      try await steps.takeBack(1_007, .objection)  // 3
      try await steps.answer(2, ["marketing"], days: 1)  // 4
      try await steps.takeBack(1, .restriction, ["product_recs"])  // 5
      try await steps.answer(3, ["product_recs"])  // 6
      _ = try await ledger.erase(
        ReceiptDraft(
          pid: Example.pid(3), kind: .erasure, scopes: [], source: "letter", version: 0),
        ground: "gdpr-17-1-b", by: "spiffe://tacit/user/privacy/dev")
      steps.done()
      time.advance(microseconds: 2 * 86_400_000_000)
      let checkpoint = try await audit.publish()
      #expect(checkpoint.treeSize == 8)
      let end = time.now
      let times = steps.times
      let asked: [(String, UInt64, String, Timestamp, CheckReason)] = [
        ("granted", 1, "product_recs", times[1], .granted),
        ("withdrawn", 1, "analytics", times[4], .withdrawn),
        ("restricted", 1, "product_recs", end, .restricted),
        ("not-asked-yet", 1, "product_recs", times[0].advanced(byMicroseconds: -1), .neverAsked),
        ("never-asked", 99, "product_recs", end, .neverAsked),
        ("imported", 1_299, "product_recs", end, .granted),
        ("imported-then-objected", 1_007, "product_recs", times[2], .granted),
        ("objected", 1_007, "product_recs", end, .objected),
        ("expired", 2, "marketing", end, .expired),
        ("erased", 3, "product_recs", end, .erased),
      ]
      var files: [String: [UInt8]] = [:]
      var answers: [String] = []
      for (name, person, scope, at, reason) in asked {
        let evidence = try await ledger.evidence(
          of: Example.pid(person), for: scope, at: at)
        #expect(evidence.answer?.reason == reason, "\(name)")
        files["\(name).evidence"] = evidence.packed()
        answers.append("  \"\(name).evidence\": \"\(reason.words)\"")
      }
      // Behind everything above, whose files stay as they are.
      _ = try await ledger.rename(
        [
          PersonRenaming(number: 1, former: Example.pid(1_299), pid: Example.pid(2_299)),
          PersonRenaming(number: 2, former: Example.pid(2), pid: Example.pid(2_002)),
          PersonRenaming(number: 3, former: Example.pid(98), pid: Example.pid(2_098)),
        ], in: 1)
      time.advance(microseconds: 1_500_000)
      _ = try await audit.publish()
      let renamed: [(String, UInt64, String, Timestamp, CheckReason)] = [
        ("renamed", 2_299, "product_recs", time.now, .granted),
        ("renamed-asked-by-former", 1_299, "product_recs", time.now, .granted),
        ("renamed-before", 2_299, "product_recs", times[2], .granted),
        ("renamed-before-anything", 98, "product_recs", times[2], .neverAsked),
      ]
      for (name, person, scope, at, reason) in renamed {
        let evidence = try await ledger.evidence(of: Example.pid(person), for: scope, at: at)
        #expect(evidence.answer?.reason == reason, "\(name)")
        files["\(name).evidence"] = evidence.packed()
        answers.append("  \"\(name).evidence\": \"\(reason.words)\"")
      }
      files["answers.json"] = Array(("{\n" + answers.joined(separator: ",\n") + "\n}\n").utf8)
      files["policy"] = Array("log \(try audit.verifyingKey().text())\nquorum none\n".utf8)
      return files
    }
  }

  @Test("the same steps make the recorded files, and they verify")
  func recorded() async throws {
    let files = try await make()
    #expect(files.count == 16)
    if ProcessInfo.processInfo.environment["TACIT_RECORD_VECTORS"] == "1" {
      try FileManager.default.createDirectory(
        at: Self.folder, withIntermediateDirectories: true)
      for (name, bytes) in files {
        try Data(bytes).write(to: Self.folder.appending(path: name))
      }
    }
    let policy = try TrustPolicy(
      text: String(decoding: try required(files["policy"]), as: UTF8.self))
    for (name, bytes) in files {
      let recorded = try Data(contentsOf: Self.folder.appending(path: name))
      #expect([UInt8](recorded) == bytes, "\(name)")
      if name.hasSuffix(".evidence") { _ = try EvidenceVerifier(policy: policy).verify(bytes) }
    }
  }
}
