import AuditAPI
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

@Suite("Renamings in the ledger")
struct RenamingLedgerTests {
  private struct Cut: Error {}

  private func renaming(_ number: UInt64, _ former: UInt64, _ new: UInt64) -> PersonRenaming {
    PersonRenaming(number: number, former: Example.pid(former), pid: Example.pid(new))
  }

  private func renamings(_ count: UInt64) -> [PersonRenaming] {
    (1...count).map { renaming($0, $0, 100 + $0) }
  }

  private func answer(_ ledger: ConsentLedger, _ person: UInt64) async throws {
    _ = try await ledger.answer(Example.draft(person), by: "test")
  }

  private func decide(
    _ ledger: ConsentLedger, _ person: UInt64, at: Timestamp? = nil
  ) throws -> CheckReason {
    try ledger.decide(
      ConsentQuestion(pid: Example.pid(person), scope: "product_recs", at: at)
    ).reason
  }

  @Test("a page is recorded wholly or not at all, and once", arguments: 1...4)
  func cut(at count: UInt64) async throws {
    try await withTemporaryDirectory { directory in
      let time = ManualTime()
      do {
        let (store, _, ledger) = try EvidenceVectorTests.open(at: directory, time)
        defer { store.close() }
        for person in UInt64(1)...4 { try await answer(ledger, person) }
        await #expect(throws: Cut.self) {
          _ = try await ledger.rename(renamings(4), in: 1) { renaming in
            if renaming.number == count { throw Cut() }
          }
        }
        #expect(try ledger.renamingProgress().cursor == 0)
        #expect(try ledger.lastPosition() == 4)
        for person in UInt64(1)...4 {
          #expect(try decide(ledger, person) == .granted)
          #expect(try decide(ledger, 100 + person) == .neverAsked)
        }
        let first = try await ledger.rename(Array(renamings(4).prefix(Int(count))), in: 1)
        #expect(first.recorded == Int(count))
      }
      // Another run takes the whole page, of which it has a part.
      let (store, audit, ledger) = try EvidenceVectorTests.open(at: directory, time)
      defer { store.close() }
      #expect(try decide(ledger, 1) == .granted)
      let rest = try await ledger.rename(renamings(4), in: 1)
      #expect(rest.recorded == 4 - Int(count))
      #expect(try await ledger.rename(renamings(4), in: 1) == RenamingOutcome())
      #expect(try ledger.lastPosition() == 8)
      let progress = try ledger.renamingProgress()
      #expect(progress.cursor == 4)
      #expect(progress.peopleMoved == 4)
      #expect(try ledger.formerNameCount() == 4)
      for person in UInt64(1)...4 {
        for pid in [person, 100 + person] {
          #expect(try decide(ledger, pid) == .granted)
          #expect(try ledger.receipts(of: Example.pid(pid)).map(\.kind) == [.grant, .renaming])
        }
      }
      #expect(try audit.records(limit: 10).filter { $0.action == "consent.rename" }.count <= 2)
    }
  }

  @Test("numbers that do not follow are refused, and a rotation that is over changes nothing")
  func order() async throws {
    try await withTemporaryDirectory { directory in
      let (store, _, ledger) = try EvidenceVectorTests.open(at: directory, ManualTime())
      defer { store.close() }
      await #expect(throws: RenamingFault.gap(expected: 1, found: 2)) {
        _ = try await ledger.rename([renaming(2, 2, 102)], in: 1)
      }
      _ = try await ledger.rename([renaming(1, 1, 101)], in: 1)
      await #expect(throws: RenamingFault.gap(expected: 2, found: 3)) {
        _ = try await ledger.rename([renaming(3, 3, 103)], in: 1)
      }
      try await ledger.retire(1)
      #expect(try await ledger.rename([renaming(2, 2, 102)], in: 1) == RenamingOutcome())
      #expect(try ledger.renamingProgress().cursor == 1)
      // Where another rotation begins, the one before is over.
      _ = try await ledger.rename([renaming(1, 5, 105)], in: 2)
      _ = try await ledger.rename([renaming(1, 6, 106)], in: 3)
      #expect(try ledger.renamingProgress().retiredRotation == 2)
      #expect(try ledger.receipts(of: Example.pid(5)).isEmpty)
      #expect(try ledger.receipts(of: Example.pid(6)).count == 1)
    }
  }

  @Test("who already has receipts under the new pid is not renamed; everybody else is")
  func taken() async throws {
    try await withTemporaryDirectory { directory in
      let (store, _, ledger) = try EvidenceVectorTests.open(at: directory, ManualTime())
      defer { store.close() }
      for person: UInt64 in [1, 2, 3, 102] { try await answer(ledger, person) }
      let outcome = try await ledger.rename(renamings(3), in: 1)
      #expect(outcome.recorded == 2)
      #expect(outcome.refused == [2])
      #expect(try ledger.renamingProgress().cursor == 3)
      #expect(try ledger.receipts(of: Example.pid(2)).map(\.kind) == [.grant])
      #expect(try ledger.receipts(of: Example.pid(102)).map(\.kind) == [.grant])
      #expect(try ledger.receipts(of: Example.pid(103)).count == 2)
    }
  }

  @Test("who is erased under the new pid already is not renamed, and is to be erased under both")
  func erased() async throws {
    try await withTemporaryDirectory { directory in
      let (store, _, ledger) = try EvidenceVectorTests.open(at: directory, ManualTime())
      defer { store.close() }
      for person: UInt64 in [1, 2] { try await answer(ledger, person) }
      for person: UInt64 in [101, 102, 103, 2] {
        _ = try await ledger.erase(
          Example.draft(person, kind: .erasure, scopes: [], from: nil), ground: "lost", by: "test")
      }
      let outcome = try await ledger.rename(renamings(3), in: 1)
      #expect(outcome.recorded == 0)
      #expect(outcome.refused == [])
      #expect(outcome.toErase == [Example.pid(1)])
    }
  }

  @Test("a long history moves with its earlier states, and every moment of it is as it was")
  func longHistory() async throws {
    try await withTemporaryDirectory { directory in
      let time = ManualTime()
      let (store, _, ledger) = try EvidenceVectorTests.open(at: directory, time)
      defer { store.close() }
      var expected: [(Timestamp, CheckReason)] = []
      for round in 0..<35 {
        var draft = Example.draft(1)
        draft.grantedAt = nil
        draft.expiresAt = time.now.advanced(byMicroseconds: Example.year)
        _ = try await ledger.answer(draft, by: "test")
        expected.append((time.now, .granted))
        time.advance(microseconds: 1_000_000)
        _ = try await ledger.takeBack(
          Example.draft(1, kind: .withdrawal, from: nil), by: "test")
        expected.append((time.now, .withdrawn))
        time.advance(microseconds: 1_000_000)
        if round == 20 {
          _ = try await ledger.rename([renaming(1, 1, 101)], in: 1)
          time.advance(microseconds: 1_000_000)
        }
      }
      let receipts = try ledger.receipts(of: Example.pid(101))
      #expect(receipts.count == 71)
      #expect(receipts.map(\.personSequence) == Array(1...71))
      for (before, receipt) in zip(receipts, receipts.dropFirst()) {
        #expect(receipt.previousHash == (try Digest.sha256(before.packed())))
      }
      for (at, reason) in expected {
        for person: UInt64 in [1, 101] { #expect(try decide(ledger, person, at: at) == reason) }
      }
      // People, the index and two earlier states.
      #expect(try ledger.pids(after: nil, limit: 10).map(\.rowCount) == [1 + 71 + 2])
    }
  }

  @Test("the pids under which anything is kept come in pages, with all their rows")
  func pids() async throws {
    try await withTemporaryDirectory { directory in
      let (store, _, ledger) = try EvidenceVectorTests.open(at: directory, ManualTime())
      defer { store.close() }
      for person in UInt64(1)...10 { try await answer(ledger, person) }
      _ = try await ledger.rename(renamings(5), in: 1)
      var found: [PseudonymousID: Int] = [:]
      var last: PseudonymousID?
      while true {
        let page = try ledger.pids(after: last, limit: 3)
        guard let end = page.last else { break }
        #expect(page.map(\.pid) == page.map(\.pid).sorted())
        #expect(page.count <= 3)
        for (pid, count) in page { #expect(found.updateValue(count, forKey: pid) == nil) }
        last = end.pid
      }
      #expect(
        found.keys.sorted()
          == ((6...10).map { Example.pid($0) } + (101...105).map { Example.pid($0) }).sorted())
      #expect(found[Example.pid(101)] == 3)
      #expect(found[Example.pid(6)] == 2)
    }
  }
}
