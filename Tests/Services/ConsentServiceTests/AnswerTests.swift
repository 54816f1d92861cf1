import AuditAPI
import AuditLog
import ConsentAPI
import ConsentService
import Cryptography
import Gate
import PrivacyCore
import RPC
import TestSupport
import Testing

@Suite("Recording what a person answers")
struct AnswerTests {
  private func request(
    scopes: [String] = [], denied: [String] = [], from: Timestamp? = nil
  ) -> GrantRequest {
    var request = Example.grantRequest(1, scopes: scopes, from: from)
    request.deniedScopes = denied
    if scopes.isEmpty { request.expiresAtUs = 0 }
    return request
  }

  @Test("a refusal is recorded and is not the same as never asked")
  func denial() async throws {
    try await ConsentFixture.run { fixture async throws in
      let reply = try await fixture.client.grant(request(denied: ["marketing"]))
      let receipt = try #require(reply.receipt)
      #expect(receipt.kind == .denial)
      #expect(receipt.scopes.isEmpty)
      #expect(receipt.deniedScopes == ["marketing"])
      #expect(try await fixture.reason(1, "marketing") == .denied)
      #expect(try await fixture.reason(1, "analytics") == .neverAsked)
    }
  }

  @Test("one act can allow some scopes and refuse others, at the gates too")
  func mixed() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.withGate { gate async throws in
        _ = try await fixture.client.grant(
          request(scopes: ["product_recs"], denied: ["marketing"]))
        #expect(try gate.withholding(1) == nil)
        #expect(try gate.withholding(1, "marketing") == .denied)
        #expect(try gate.withholding(1, "analytics") == .neverAsked)
      }
      let feed = try await fixture.client.watch(WatchRequest())
      for try await batch in feed {
        #expect(batch.changes.map(\.deniedScopes) == [["marketing"]])
      }
    }
  }

  @Test("refusing what was allowed goes through the barrier like a withdrawal")
  func denialTakesBack() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.grant(1)
      try await fixture.withGate { gate async throws in
        #expect(try gate.withholding(1) == nil)
        let reply = try await fixture.client.grant(request(denied: ["product_recs"]))
        #expect(reply.gates.map(\.confirmed) == [true])
        #expect(try gate.withholding(1) == .denied)
      }
    }
  }

  @Test(
    "a consent that ends earlier than the one before is behind the barrier, a longer one is not")
  func narrowing() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.grant(1)
      try await fixture.withGate { _ async throws in
        var shorter = Example.grantRequest(1)
        shorter.expiresAtUs -= 86_400_000_000
        #expect(try await fixture.client.grant(shorter).gates.map(\.confirmed) == [true])
        var longer = shorter
        longer.expiresAtUs += 1
        #expect(try await fixture.client.grant(longer).gates.isEmpty)
      }
    }
  }

  @Test("an answer that contradicts itself or says nothing is refused")
  func contradictions() async throws {
    try await ConsentFixture.run { fixture async throws in
      let both = request(scopes: ["marketing"], denied: ["marketing"])
      #expect(
        await refusal { _ = try await fixture.client.grant(both) }?.message.contains(
          "both allowed and refused") == true)
      #expect(
        await refusal { _ = try await fixture.client.grant(request()) }?.message.contains(
          "no scope") == true)
      var expiring = request(denied: ["marketing"])
      expiring.expiresAtUs = 5
      let wrong = expiring
      #expect(
        await refusal { _ = try await fixture.client.grant(wrong) }?.message.contains(
          "has no expiry") == true)
    }
  }

  @Test("a consent dated before a refusal does not undo it")
  func lateGrant() async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await fixture.client.grant(request(denied: ["product_recs"]))
      let old = Example.grantRequest(1, from: Timestamp(seconds: 1_700_000_000))
      #expect(
        await refusal { _ = try await fixture.client.grant(old) }?.code == .failedPrecondition)
      #expect(try await fixture.reason(1) == .denied)
    }
  }

  @Test("what a receipt says besides is recorded, hashed by the next one, and kept from gates")
  func details() async throws {
    try await ConsentFixture.run { fixture async throws in
      var request = Example.grantRequest(1)
      request.details = ReceiptDetails(
        controller: "Example Shop Ltd",
        purposes: [
          PurposeConsent(
            purpose: "product_recs", legalBasis: .explicitConsent, retention: "P2Y")
        ], jurisdiction: "DE", piiCategories: ["purchases"], recipients: ["Example Mail Ltd"],
        retention: "P2Y", withdrawalMethod: "https://shop.example/privacy",
        actor: Actor(kind: .agent, name: "call centre"),
        evidenceHash: [UInt8](repeating: 5, count: 32))
      let receipt = try required(try await fixture.client.grant(request).receipt)
      let details = try required(receipt.details)
      #expect(details.purposes.map(\.decision) == [.granted])
      #expect(details.purposes.map(\.legalBasis) == [.explicitConsent])
      #expect(details.actor?.name == "call centre")
      let next = try await fixture.grant(1, scopes: ["analytics"])
      #expect(try next.previousHash == Digest.sha256(receipt.packed()))
      var bare = receipt
      bare.details = nil
      #expect(try next.previousHash != Digest.sha256(bare.packed()))
      #expect([receipt, next].map(\.personSequence) == [1, 2])

      let line = try await fixture.client.attend()
      try await line.send(
        GateMessage(body: .registration(GateRegistration(gate: "features"))))
      var replies = line.replies.makeAsyncIterator()
      _ = try await replies.next()
      guard case .changes(let batch)? = try await replies.next()?.body else {
        Issue.record("no changes came")
        return
      }
      #expect(batch.changes.allSatisfy { $0.details == nil })
      line.cancel()
    }
  }

  @Test("a guardian's consent ends when the person comes of age")
  func guardian() async throws {
    try await ConsentFixture.run { fixture async throws in
      var request = Example.grantRequest(1)
      func refused(_ actor: Actor) async throws -> String? {
        var attempt = request
        attempt.details = ReceiptDetails(actor: actor)
        let wanted = attempt
        return await refusal { _ = try await fixture.client.grant(wanted) }?.message
      }
      let end = request.expiresAtUs
      #expect(
        try await refused(Actor(kind: .guardian, majorityAtUs: end - 1))?.contains(
          "comes of age") == true)
      #expect(try await refused(Actor(kind: .guardian))?.contains("say when") == true)
      #expect(
        try await refused(Actor(kind: .`self`, majorityAtUs: end))?.contains("only a guardian")
          == true)
      #expect(try await refused(Actor(kind: .agent))?.contains("no name") == true)
      #expect(
        try await refused(Actor(kind: .agent, name: "ann@example.com"))?.contains("identifier")
          == true)
      request.details = ReceiptDetails(actor: Actor(kind: .guardian, majorityAtUs: end))
      #expect(try await fixture.client.grant(request).receipt?.details?.actor?.kind == .guardian)
    }
  }
}

@Suite("Restricting and objecting")
struct RestrictionTests {
  private func restrict(
    _ fixture: ConsentFixture, _ scopes: [String] = []
  ) async throws -> BarrierReply {
    try await fixture.client.restrictUse(
      RestrictUseRequest(pid: Example.pid(1).bytes, scopes: scopes, source: "letter"))
  }

  private func lift(
    _ fixture: ConsentFixture, _ scopes: [String] = []
  ) async throws -> LiftRestrictionReply {
    try await fixture.client.liftRestriction(
      LiftRestrictionRequest(pid: Example.pid(1).bytes, scopes: scopes, source: "letter"))
  }

  @Test("a restriction takes effect behind the barrier, and what was given counts again after it")
  func restriction() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.grant(1)
      try await fixture.withGate { gate async throws in
        let reply = try await restrict(fixture)
        #expect(reply.receipt?.kind == .restriction)
        #expect(reply.gates.map(\.confirmed) == [true])
        #expect(try gate.withholding(1) == .restricted)
        #expect(try await fixture.reason(1) == .restricted)
        #expect(try await fixture.reason(1, "analytics") == .neverAsked)
        let lifted = try required(try await lift(fixture).receipt)
        #expect(lifted.scopes.contains("product_recs"))
        try await eventually("the gate knows") {
          gate.appliedSequence.value >= lifted.sequence
        }
        #expect(try gate.withholding(1) == nil)
        #expect(try await fixture.reason(1) == .granted)
      }
    }
  }

  @Test("what is given while it is restricted counts only when the restriction is over")
  func grantWhileRestricted() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.withGate { gate async throws in
        _ = try await restrict(fixture, ["product_recs"])
        try await fixture.grant(1)
        #expect(try gate.withholding(1) == .restricted)
        #expect(try await fixture.reason(1) == .restricted)
        let lifted = try required(try await lift(fixture, ["product_recs"]).receipt)
        try await eventually("the gate knows") { gate.appliedSequence.value >= lifted.sequence }
        #expect(try gate.withholding(1) == nil)
      }
    }
  }

  @Test("a restriction again is answered with the first; lifting where there is none is refused")
  func repeated() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1)
      #expect(await refusal { _ = try await lift(fixture) }?.code == .failedPrecondition)
      let first = try await restrict(fixture, ["product_recs"])
      #expect(try await restrict(fixture, ["product_recs"]).receipt == first.receipt)
      _ = try await lift(fixture)
      let second = try await restrict(fixture, ["product_recs"])
      #expect(second.receipt != first.receipt)
    }
  }

  @Test("an objection takes back with a reason of its own, and a later consent counts")
  func objection() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.grant(1)
      try await fixture.withGate { gate async throws in
        let reply = try await fixture.client.object(
          ObjectRequest(pid: Example.pid(1).bytes, scopes: ["product_recs"], source: "letter"))
        #expect(reply.receipt?.kind == .objection)
        #expect(reply.gates.map(\.confirmed) == [true])
        #expect(try gate.withholding(1) == .objected)
        #expect(try await fixture.reason(1) == .objected)
        try await fixture.grant(1)
        #expect(try gate.withholding(1) == nil)
      }
    }
  }

  @Test("each is audited under its own name")
  func audited() async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await restrict(fixture)
      _ = try await lift(fixture)
      _ = try await fixture.client.object(
        ObjectRequest(pid: Example.pid(1).bytes, source: "letter"))
      #expect(
        try fixture.audit.records(limit: 10).map(\.action)
          == ["consent.restrict", "consent.lift", "consent.object"])
    }
  }
}
