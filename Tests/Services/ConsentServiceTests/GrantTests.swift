import AuditAPI
import AuditLog
import ConsentAPI
import ConsentService
import Cryptography
import PrivacyCore
import RPC
import SealedStore
import TestSupport
import Testing

@Suite("Granting consent")
struct GrantTests {
  @Test("a grant is recorded in full and answered as recorded")
  func grant() async throws {
    try await ConsentFixture.run { fixture async throws in
      let request = Example.grantRequest(1, scopes: ["product_recs", "analytics"])
      let reply = try await fixture.client.grant(request)
      let receipt = try #require(reply.receipt)
      #expect(reply.created)
      #expect(ConsentID(text: receipt.consentID) != nil)
      #expect(receipt.scopes == ["product_recs", "analytics"])
      #expect(receipt.sequence == 1)
      #expect(receipt.kind == .grant)
      #expect(receipt.grantedAtUs == receipt.recordedAtUs)
      #expect(receipt.previousHash.isEmpty)
      #expect(try await fixture.reason(1) == .granted)
      let shown = try await fixture.client.show(ShowRequest(consentID: receipt.consentID))
      #expect(shown == receipt)
    }
  }

  @Test("positions are dense and each receipt names the hash of the person's one before")
  func chain() async throws {
    try await ConsentFixture.run { fixture async throws in
      let first = try await fixture.grant(1)
      let other = try await fixture.grant(2)
      let second = try await fixture.grant(1, scopes: ["analytics"])
      #expect([first, other, second].map(\.sequence) == [1, 2, 3])
      #expect(try second.previousHash == Digest.sha256(first.packed()))
      #expect(other.previousHash.isEmpty)
      let history = try await fixture.client.history(HistoryRequest(pid: Example.pid(1).bytes))
      #expect(history.receipts == [first, second])
    }
  }

  @Test("the same again is answered as before, another content is refused")
  func idempotency() async throws {
    try await ConsentFixture.run { fixture async throws in
      var request = Example.grantRequest(1, id: Example.id(1).description)
      let first = try await fixture.client.grant(request)
      let again = try await fixture.client.grant(request)
      #expect(first.created)
      #expect(!again.created)
      #expect(again.receipt == first.receipt)
      request.scopes = ["marketing"]
      let changed = request
      let error = await refusal { _ = try await fixture.client.grant(changed) }
      #expect(error?.code == .alreadyExists)
      #expect(error?.message.contains(Example.id(1).description) == true)
      #expect(try await fixture.reason(1, "marketing") == .neverAsked)
    }
  }

  @Test("bad requests are refused with the reason, and nothing is recorded")
  func refusals() async throws {
    try await ConsentFixture.run { fixture async throws in
      let past = Timestamp(microseconds: 1_000)
      let cases: [(String, (inout GrantRequest) -> Void)] = [
        ("the scope telepathy is not known", { $0.scopes = ["telepathy"] }),
        ("no scope", { $0.scopes = [] }),
        ("no expiry", { $0.expiresAtUs = 0 }),
        ("expires before it begins", { $0.expiresAtUs = past.microseconds }),
        ("the pid is malformed", { $0.pid = [1, 2, 3] }),
        ("the consent id is malformed", { $0.consentID = "c_1" }),
        ("no source", { $0.source = "" }),
        ("no version", { $0.version = 0 }),
      ]
      for (reason, change) in cases {
        var request = Example.grantRequest(1)
        change(&request)
        let bad = request
        let error = await refusal { _ = try await fixture.client.grant(bad) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(reason) == true, "\(reason): \(String(describing: error))")
      }
      #expect(try await fixture.exported().isEmpty)
      #expect(try fixture.audit.records(limit: 10).isEmpty)
    }
  }

  @Test("a consent dated before a withdrawal is refused")
  func lateGrant() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1)
      try await fixture.withdraw(1)
      let old = Example.grantRequest(1, from: Timestamp(seconds: 1_700_000_000))
      let error = await refusal { _ = try await fixture.client.grant(old) }
      #expect(error?.code == .failedPrecondition)
      #expect(try await fixture.reason(1) == .withdrawn)
      try await fixture.grant(1)
      #expect(try await fixture.reason(1) == .granted)
    }
  }

  @Test("each write leaves one audit entry with who, what and which receipt")
  func audit() async throws {
    try await ConsentFixture.run { fixture async throws in
      let receipt = try await fixture.grant(1)
      try await fixture.withdraw(1)
      _ = try await fixture.importing([Example.line(5)])
      let records = try fixture.audit.records(limit: 10)
      #expect(records.map(\.action) == ["consent.grant", "consent.withdraw", "consent.import"])
      #expect(records.allSatisfy { $0.principal == "tacit:local" })
      #expect(records.first?.consentIDs == [receipt.consentID])
      #expect(records.first?.pids == [Example.pid(1).bytes])
      #expect(try fixture.audit.verify() == .intact(entryCount: 3))
    }
  }

  @Test("many callers at once get dense positions and lose nothing")
  func concurrency() async throws {
    try await ConsentFixture.run { fixture async throws in
      let sequences = try await withThrowingTaskGroup(of: UInt64.self) { group in
        for person in 1...50 {
          group.addTask { try await fixture.grant(UInt64(person % 10)).sequence }
        }
        var sequences: [UInt64] = []
        for try await sequence in group { sequences.append(sequence) }
        return sequences
      }
      #expect(sequences.sorted() == Array(1...50))
    }
  }
}

@Suite("Asking for consent")
struct CheckTests {
  @Test("a batch is answered in the order asked, from one position")
  func batch() async throws {
    try await ConsentFixture.run { fixture async throws in
      let granted = try await fixture.grant(1)
      try await fixture.withdraw(2)
      let checks = [3, 1, 2].map {
        CheckRequest(pid: Example.pid(UInt64($0)).bytes, scope: "product_recs")
      }
      let replies = try await fixture.client.checkBatch(CheckBatchRequest(checks: checks)).replies
      #expect(replies.map(\.reason) == [.neverAsked, .granted, .withdrawn])
      #expect(replies.map(\.granted) == [false, true, false])
      #expect(replies.map(\.sequence) == [2, 2, 2])
      #expect(replies[1].consentID == granted.consentID)
      #expect(replies[1].expiresAtUs == granted.expiresAtUs)
    }
  }

  @Test("a check at another time goes by what had been recorded by then")
  func atAnotherTime() async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await fixture.importing([Example.line(1)])
      let withdrawal = try required(try await fixture.withdraw(1).receipt)
      let history = try await fixture.client.history(HistoryRequest(pid: Example.pid(1).bytes))
      let imported = try #require(history.receipts.first).recordedAtUs
      func reason(_ atUs: Int64) async throws -> CheckReason {
        try await fixture.client.check(
          CheckRequest(pid: Example.pid(1).bytes, scope: "product_recs", atUs: atUs)
        ).reason
      }
      // Given ten months before it was imported: until then nothing was known of it.
      #expect(try await reason(imported - 1) == .neverAsked)
      #expect(try await reason(imported) == .granted)
      #expect(try await reason(withdrawal.recordedAtUs - 1) == .granted)
      #expect(try await reason(withdrawal.recordedAtUs) == .withdrawn)
      #expect(try await reason(withdrawal.recordedAtUs + Example.year) == .withdrawn)
      #expect(try await fixture.reason(1) == .withdrawn)
    }
  }

  @Test("a time to come is judged by what is recorded now: what begins later, and what expires")
  func atTimeToCome() async throws {
    try await ConsentFixture.run { fixture async throws in
      let from = SystemTime().now.advanced(byMicroseconds: 3_600_000_000)
      let until = from.advanced(byMicroseconds: 3_600_000_000)
      _ = try await fixture.client.grant(Example.grantRequest(1, from: from, until: until))
      let expected: [(Timestamp, Int64, CheckReason)] = [
        (from, -1, .notYetValid), (from, 0, .granted), (until, -1, .granted), (until, 0, .expired),
      ]
      for (time, offset, reason) in expected {
        let at = time.microseconds + offset
        let check = CheckRequest(pid: Example.pid(1).bytes, scope: "product_recs", atUs: at)
        #expect(try await fixture.client.check(check).reason == reason)
      }
    }
  }

  @Test("malformed questions are refused")
  func refusals() async throws {
    try await ConsentFixture.run { fixture async throws in
      let pid = Example.pid(1).bytes
      func code(_ request: CheckRequest) async -> StatusCode? {
        await refusal { _ = try await fixture.client.check(request) }?.code
      }
      #expect(await code(CheckRequest(pid: [1], scope: "product_recs")) == .invalidArgument)
      #expect(await code(CheckRequest(pid: pid, scope: "telepathy")) == .invalidArgument)
      #expect(await code(CheckRequest(pid: pid, scope: "")) == .invalidArgument)
      let malformed = await refusal {
        _ = try await fixture.client.show(ShowRequest(consentID: "c_1"))
      }
      #expect(malformed?.code == .invalidArgument)
      let unknown = await refusal {
        _ = try await fixture.client.show(ShowRequest(consentID: Example.id(9).description))
      }
      #expect(unknown?.code == .notFound)
      let nobody = try await fixture.client.history(HistoryRequest(pid: pid))
      #expect(nobody.receipts.isEmpty)
    }
  }

  @Test("a batch may be as long as the limit and no longer")
  func batchLimit() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1)
      let check = CheckRequest(pid: Example.pid(1).bytes, scope: "product_recs")
      let full = CheckBatchRequest(checks: Array(repeating: check, count: 4_096))
      #expect(try await fixture.client.checkBatch(full).replies.count == 4_096)
      let tooMany = CheckBatchRequest(checks: Array(repeating: check, count: 4_097))
      #expect(
        await refusal { _ = try await fixture.client.checkBatch(tooMany) }?.code == .invalidArgument
      )
    }
  }
}
