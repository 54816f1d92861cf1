import AuditLog
import ConsentAPI
import ConsentService
import ConsentVerifier
import Cryptography
import PrivacyCore
import SealedStore
import TestSupport
import Testing
import TransparencyLog
import WireFormat

@Suite("Evidence across a renaming")
struct RenamingEvidenceTests {
  /// A grant, a renaming, a withdrawal, another renaming, a grant; and others in between.
  private struct History {
    let audit: AuditLog
    let ledger: ConsentLedger
    let times: [Timestamp]

    var verifier: EvidenceVerifier {
      get throws { EvidenceVerifier(policy: try TrustPolicy(logs: [audit.verifyingKey()])) }
    }

    func evidence(
      _ person: UInt64, named: UInt64? = nil, at: Timestamp?
    ) async throws -> ConsentEvidence {
      try await ledger.evidence(
        of: Example.pid(person), named: named.map { Example.pid($0) }, for: "product_recs", at: at)
    }
  }

  private func rename(
    _ ledger: ConsentLedger, _ former: UInt64, _ new: UInt64, in rotation: UInt32
  ) async throws {
    _ = try await ledger.rename(
      [
        PersonRenaming(number: 1, former: Example.pid(former), pid: Example.pid(new)),
        PersonRenaming(number: 2, former: Example.pid(former + 1), pid: Example.pid(new + 1)),
      ], in: rotation)
  }

  private func with(_ body: (History) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
      let time = ManualTime()
      let (store, audit, ledger) = try EvidenceVectorTests.open(at: directory, time)
      defer { store.close() }
      var times: [Timestamp] = []
      func step(_ act: () async throws -> Void) async throws {
        try await act()
        times.append(time.now)
        time.advance(microseconds: 1_000_000)
      }
      func grant(_ person: UInt64) async throws {
        var draft = Example.draft(person, from: nil)
        draft.expiresAt = time.now.advanced(byMicroseconds: Example.year)
        _ = try await ledger.answer(draft, by: "test")
      }
      try await step { try await grant(1) }
      try await step { try await grant(2) }
      try await step { try await rename(ledger, 1, 101, in: 1) }
      try await step {
        _ = try await ledger.takeBack(
          Example.draft(101, kind: .withdrawal, from: nil), by: "test")
      }
      try await step { try await rename(ledger, 101, 201, in: 2) }
      try await step { try await grant(201) }
      time.advance(microseconds: 1_000_000)
      _ = try await audit.publish()
      try await body(History(audit: audit, ledger: ledger, times: times))
    }
  }

  @Test("every time, asked under any pid that means the person, is proven")
  func everyTime() async throws {
    try await with { history async throws in
      let verifier = try history.verifier
      let expected: [(Int, CheckReason)] = [
        (0, .granted), (1, .granted), (2, .granted), (3, .withdrawn), (4, .withdrawn),
        (5, .granted),
      ]
      for (index, reason) in expected {
        // 101 means the person while the second rotation runs; 1 is a name of before.
        for (person, named) in [(UInt64(201), nil), (101, nil), (201, UInt64(1))] {
          let evidence = try await history.evidence(person, named: named, at: history.times[index])
          #expect(evidence.pid == Example.pid(named ?? person).bytes)
          #expect(evidence.answer?.reason == reason, "\(index) under \(person)")
          #expect(try verifier.verify(evidence.packed()) == evidence)
          #expect(evidence.packed().count <= 6_144)
        }
      }
      let early = try await history.evidence(201, at: history.times[0].advanced(byMicroseconds: -1))
      #expect(early.answer?.reason == .neverAsked)
      try verifier.verify(early)
      let now = try await history.evidence(201, at: nil)
      #expect(now.renamings.isEmpty)
      try verifier.verify(now)
      // A decision of before the renaming is joined by it.
      let other = try await history.evidence(202, at: nil)
      #expect(other.answer?.reason == .granted)
      #expect(other.renamings.count == 2)
      try verifier.verify(other)
    }
  }

  /// The same evidence with a part changed, as if the keeper of the log had signed it so.
  private func resigned(
    _ evidence: ConsentEvidence, _ history: History,
    _ change: (inout ConsentEvidence) throws -> Void
  ) throws -> ConsentEvidence {
    var changed = evidence
    try change(&changed)
    let note = try EvidenceNote(changed, origin: history.audit.verifyingKey().name)
    changed.signature = try history.audit.signStatement(note.text).encoded
    return changed
  }

  @Test("pids are joined by the renamings that were logged, in their order, and by nothing else")
  func joins() async throws {
    try await with { history async throws in
      let verifier = try history.verifier
      let good = try await history.evidence(202, at: nil)
      let other = try await history.evidence(201, named: 1, at: nil)
      #expect(other.renamings.count == 2)
      try verifier.verify(try resigned(good, history) { _ in })
      func receipt(
        _ evidence: inout ConsentEvidence, _ change: (inout Receipt) -> Void
      ) throws {
        var receipt = try Receipt(packed: evidence.renamings[0].receipt)
        change(&receipt)
        evidence.renamings[0].receipt = receipt.packed()
      }
      let changes: [(String, (inout ConsentEvidence) throws -> Void)] = [
        ("left out", { $0.renamings = [] }),
        ("the first left out", { $0.renamings.removeFirst() }),
        ("the last left out", { $0.renamings.removeLast() }),
        ("in another order", { $0.renamings.reverse() }),
        ("one twice", { $0.renamings.append($0.renamings[1]) }),
        ("somebody else's", { $0.renamings = other.renamings }),
        ("somebody else's first", { $0.renamings[0] = other.renamings[0] }),
        ("another former pid", { try receipt(&$0) { $0.formerPid = Example.pid(7).bytes } }),
        (
          "the former pid of somebody else",
          { try receipt(&$0) { $0.formerPid = Example.pid(1).bytes } }
        ),
        ("another kind", { try receipt(&$0) { $0.kind = .grant } }),
        ("another number", { try receipt(&$0) { $0.personSequence += 1 } }),
        ("no entry", { $0.renamings[0].entry = nil }),
        ("another entry", { $0.renamings[0].entry = other.renamings[0].entry }),
        ("another pid asked for", { $0.pid = Example.pid(7).bytes }),
      ]
      for (what, change) in changes {
        let bad = try resigned(good, history, change)
        #expect(throws: EvidenceFault.self, "\(what)") { try verifier.verify(bad) }
      }
    }
  }

  @Test("evidence with renamings that is changed in any byte is refused")
  func tampering() async throws {
    try await with { history async throws in
      let verifier = try history.verifier
      let bytes = try await history.evidence(202, at: history.times[1]).packed()
      _ = try verifier.verify(bytes)
      for index in bytes.indices {
        var bad = bytes
        bad[index] ^= 1
        let changed = bad
        #expect(throws: EvidenceFault.self, "byte \(index)") {
          _ = try verifier.verify(changed)
        }
      }
    }
  }
}
