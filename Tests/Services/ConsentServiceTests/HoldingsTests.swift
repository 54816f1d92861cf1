import AccessPack
import CommonAPI
import ConsentAPI
import ConsentService
import DynamicMessages
import PrivacyCore
import RPC
import ServiceKit
import TestSupport
import Testing

@Suite("What the consent service tells of a person")
struct HoldingsTests {
  private func part(_ fixture: ConsentFixture, _ pids: [[UInt8]]) async throws -> AccessPart {
    var text: [UInt8] = []
    let request = HoldingsRequest(pids: pids, ticket: "DSR-1")
    for try await chunk in try await fixture.client.holdings(request) { text += chunk.text }
    return try AccessPart(
      service: "consent", text: text, note: [], proof: [], salt: [], content: [])
  }

  private func records(_ part: AccessPart, _ section: String) throws -> [JSONValue] {
    try part.sections().first { $0.name == "consent.\(section)" }?.records ?? []
  }

  @Test("every receipt of the person, and none of another; also an earlier state that is kept")
  func receipts() async throws {
    try await ConsentFixture.run { fixture async throws in
      let first = try await fixture.grant(1)
      let other = try await fixture.grant(2)
      for _ in 0..<80 {
        try await fixture.withdraw(1)
        try await fixture.grant(1)
      }
      let part = try await part(fixture, [first.pid])
      let receipts = try records(part, "receipts")
      #expect(receipts.count == 161)
      #expect(Set(receipts.compactMap { $0["consent_id"] }).count == 161)
      #expect(receipts.first?["log_entry"] == .number("0"))
      #expect(try !records(part, "earlier_standings").isEmpty)
      #expect(try records(part, "standing").count == 1)
      #expect(try !records(part, "state").isEmpty)
      let whole = part.lines.joined(separator: "\n")
      #expect(!whole.contains(other.consentID))
      // Both together are both.
      let both = try await self.part(fixture, [first.pid, other.pid])
      #expect(try records(both, "receipts").count == 162)
    }
  }

  @Test("of a request for several people only the person's own receipts")
  func requests() async throws {
    try await ConsentFixture.run { fixture async throws in
      let ann = try await fixture.grant(1)
      let bob = try await fixture.grant(2)
      let reply = try await fixture.client.withdrawMany(
        WithdrawManyRequest(
          pids: [ann.pid, bob.pid], source: "bulk", idempotencyKey: "both"))
      #expect(reply.people.count == 2)
      let requests = try records(try await part(fixture, [ann.pid]), "requests")
      let sequences = requests.compactMap { $0["sequences"] }
      let own = try #require(reply.people.first).sequence
      #expect(sequences == [.array([.number("\(own)")])])
    }
  }

  @Test("which systems outside were told of which receipt, and which could not be")
  func recipients() async throws {
    let receiver = HTTPReceiver()
    let port = try await receiver.start()
    var configuration = ConsentConfiguration.quick
    configuration.webhooks.attemptCountMax = 1
    configuration.webhooks.retryMsMin = 1
    configuration.webhooks.retryMsMax = 2
    configuration.webhooks.answerMs = 200
    try await ConsentFixture.run(configuration: configuration) { fixture async throws in
      try await fixture.whileRunning {
        for (id, target) in [("crm", "127.0.0.1:\(port)"), ("gone", "127.0.0.1:1")] {
          _ = try await fixture.client.addWebhook(
            AddWebhookRequest(webhook: Webhook(id: id, url: "http://\(target)/consent")))
        }
        let ann = try await fixture.grant(1)
        try await fixture.grant(2)
        try await eventually("both are settled") {
          try await fixture.client.listWebhooks(ListWebhooksRequest()).webhooks
            .allSatisfy { $0.settledSequence == 2 }
        }
        let part = try await part(fixture, [ann.pid])
        let recipients = try records(part, "recipients")
        #expect(recipients.map { $0["system"] } == [.string("crm")])
        #expect(recipients.map { $0["receipt_sequences"] } == [.array([.number("1")])])
        let letters = try records(part, "dead_letters")
        #expect(letters.map { $0["system"] } == [.string("gone")])
        #expect(letters.map { $0["receipt_sequence"] } == [.number("1")])
      }
    }
    await receiver.stop()
  }
}
