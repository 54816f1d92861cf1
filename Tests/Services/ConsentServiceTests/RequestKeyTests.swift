import ConsentAPI
import ConsentService
import PrivacyCore
import RPC
import SealedStore
import TestSupport
import Testing

@Suite("Requests with an idempotency key")
struct RequestKeyTests {
  private func request(_ key: String, scopes: [String] = ["product_recs"]) -> GrantRequest {
    var request = Example.grantRequest(
      1, scopes: scopes, until: Timestamp(seconds: 2_000_000_000))
    request.idempotencyKey = key
    return request
  }

  @Test("the same request is answered as before, another one under the same key is refused")
  func grant() async throws {
    try await ConsentFixture.run { fixture async throws in
      let first = try await fixture.client.grant(request("order-7"))
      let again = try await fixture.client.grant(request("order-7"))
      #expect(again.receipt == first.receipt)
      #expect(first.created && again.created)
      let error = await refusal {
        _ = try await fixture.client.grant(request("order-7", scopes: ["analytics"]))
      }
      #expect(error?.code == .alreadyExists)
      #expect(error?.message.contains("idempotency key") == true)
      let other = try await fixture.client.grant(request("order-8"))
      #expect(other.receipt != first.receipt)
      #expect(try await fixture.exported().count == 2)
    }
  }

  @Test("a withdrawal under its key is the same one even after a consent in between")
  func withdrawal() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1)
      let request = WithdrawRequest(
        pid: Example.pid(1).bytes, source: "web-portal:v2", idempotencyKey: "w1")
      let first = try await fixture.client.withdraw(request)
      try await fixture.grant(1)
      #expect(try await fixture.client.withdraw(request).receipt == first.receipt)
      #expect(try await fixture.reason(1) == .granted)
    }
  }

  @Test("one method's keys say nothing of another's")
  func perMethod() async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await fixture.client.grant(request("k"))
      let reply = try await fixture.client.withdraw(
        WithdrawRequest(pid: Example.pid(1).bytes, idempotencyKey: "k"))
      #expect(reply.receipt?.kind == .withdrawal)
    }
  }

  @Test("keys survive a restart, and are forgotten when there are too many of them")
  func retention() async throws {
    try await withTemporaryDirectory { directory async throws in
      var configuration = ConsentConfiguration.quick
      configuration.requestCountMax = 3
      let first = try await ConsentFixture.run(in: directory, configuration: configuration) {
        fixture async throws in try await fixture.client.grant(request("k0")).receipt
      }
      try await ConsentFixture.run(in: directory, configuration: configuration) {
        fixture async throws in
        #expect(try await fixture.client.grant(request("k0")).receipt == first)
        for number in 1...2 { _ = try await fixture.client.grant(request("k\(number)")) }
        #expect(try await fixture.client.grant(request("k0")).receipt == first)
        _ = try await fixture.client.grant(request("k3"))
        #expect(try await fixture.client.grant(request("k0")).receipt != first)
      }
    }
  }

  @Test("a key counts for a day, and not a moment longer")
  func hours() async throws {
    try await withTemporaryDirectory { directory async throws in
      let time = ManualTime()
      let (store, _, ledger) = try EvidenceVectorTests.open(at: directory, time)
      defer { store.close() }
      func answer() async throws -> ConsentLedger.Recorded {
        let draft = ReceiptDraft(
          pid: Example.pid(1), kind: .grant, scopes: ["product_recs"],
          expiresAt: Timestamp(seconds: 2_000_000_000), source: "web-portal:v2", version: 1)
        let identity = try RequestIdentity("k", of: request(""), method: "Grant", by: "somebody")
        return try await ledger.answer(draft, by: "somebody", request: identity)
      }
      let first = try await answer().receipt
      time.advance(microseconds: 24 * 3_600_000_000 - 1)
      #expect(try await answer().receipt == first)
      time.advance(microseconds: 1)
      #expect(try await answer().receipt.sequence == 2)
    }
  }

  @Test("a key is at most 64 printable characters")
  func form() async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await fixture.client.grant(request(String(repeating: "k", count: 64)))
      #expect(
        await refusal {
          _ = try await fixture.client.grant(request(String(repeating: "k", count: 65)))
        }?.code == .invalidArgument)
      #expect(
        await refusal { _ = try await fixture.client.grant(request("a b")) }?.message.contains(
          "malformed") == true)
    }
  }
}
