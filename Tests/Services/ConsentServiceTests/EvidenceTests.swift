import AuditLog
import ConsentAPI
import ConsentVerifier
import ConsentService
import PrivacyCore
import RPC
import SealedStore
import TestSupport
import Testing
import TransparencyLog
import WireFormat

@Suite("Evidence of how consent stood")
struct EvidenceTests {
  private func prove(
    _ fixture: ConsentFixture, _ scope: String = "product_recs", at: Int64 = 0,
    person: UInt64 = 1
  ) async throws -> ConsentEvidence {
    try await fixture.client.prove(
      ProveRequest(pid: Example.pid(person).bytes, scope: scope, atUs: at))
  }

  private func verifier(_ fixture: ConsentFixture) throws -> EvidenceVerifier {
    EvidenceVerifier(policy: try TrustPolicy(logs: [fixture.audit.verifyingKey()]))
  }

  /// Three receipts of person 1 among those of others.
  private func prepare(_ fixture: ConsentFixture) async throws -> [Receipt] {
    var receipts: [Receipt] = []
    receipts.append(try await fixture.grant(1, scopes: ["product_recs", "analytics"]))
    for person in UInt64(2)...9 { try await fixture.grant(person) }
    receipts.append(try required(try await fixture.withdraw(1, scopes: ["analytics"]).receipt))
    for person in UInt64(10)...14 { try await fixture.grant(person) }
    receipts.append(try required(try await fixture.withdraw(1, scopes: ["product_recs"]).receipt))
    return receipts
  }

  @Test("every time is answered as it was then, and the evidence holds offline")
  func everyTime() async throws {
    try await ConsentFixture.run { fixture async throws in
      let receipts = try await prepare(fixture)
      let times = receipts.map(\.recordedAtUs)
      let expected: [(Int64, String, CheckReason, UInt64)] = [
        (1, "product_recs", .neverAsked, 0),
        (times[0] - 1, "product_recs", .neverAsked, 0), (times[0], "product_recs", .granted, 1),
        (times[1] - 1, "analytics", .granted, 1), (times[1], "analytics", .withdrawn, 2),
        (times[1], "product_recs", .granted, 2), (times[2] - 1, "product_recs", .granted, 2),
        (times[2], "product_recs", .withdrawn, 3), (0, "product_recs", .withdrawn, 3),
        (0, "marketing", .neverAsked, 3),
      ]
      let verifier = try verifier(fixture)
      for (at, scope, reason, number) in expected {
        let evidence = try await prove(fixture, scope, at: at)
        #expect(evidence.answer?.reason == reason, "\(scope) at \(at)")
        #expect(evidence.answer?.granted == (reason == .granted))
        #expect(
          evidence.answer?.sequence == (number == 0 ? 0 : receipts[Int(number) - 1].sequence))
        #expect((evidence.successor == nil) == (number == 3))
        #expect(try verifier.verify(evidence.packed()) == evidence)
        #expect(evidence.packed().count <= 4_096)
        // A check answers alike.
        if at != 0 {
          let check = CheckRequest(pid: Example.pid(1).bytes, scope: scope, atUs: at)
          #expect(try await fixture.client.check(check).reason == reason)
        }
      }
      let stranger = try await prove(fixture, person: 99)
      #expect(stranger.answer?.reason == .neverAsked)
      try verifier.verify(stranger)
    }
  }

  @Test("evidence that is changed in any byte is refused")
  func tampering() async throws {
    try await ConsentFixture.run { fixture async throws in
      let receipts = try await prepare(fixture)
      let verifier = try verifier(fixture)
      // With a next receipt, and without one.
      for at in [receipts[1].recordedAtUs, 0] {
        let bytes = try await prove(fixture, at: at).packed()
        _ = try verifier.verify(bytes)
        for index in bytes.indices {
          var bad = bytes
          bad[index] ^= 1
          let changed = bad
          #expect(throws: EvidenceFault.self, "byte \(index)") {
            _ = try verifier.verify(changed)
          }
        }
        #expect(throws: EvidenceFault.self) { _ = try verifier.verify(Array(bytes.dropLast())) }
        #expect(throws: EvidenceFault.self) { _ = try verifier.verify(bytes + [0]) }
      }
    }
  }

  @Test("parts of other evidence do not fit")
  func mixing() async throws {
    try await ConsentFixture.run { fixture async throws in
      let receipts = try await prepare(fixture)
      let verifier = try verifier(fixture)
      let early = try await prove(fixture, at: receipts[0].recordedAtUs)
      let middle = try await prove(fixture, at: receipts[1].recordedAtUs)
      let late = try await prove(fixture)
      let other = try await prove(fixture, person: 2)
      let changes: [(String, (inout ConsentEvidence) -> Void)] = [
        ("no end", { $0.successor = nil }),
        ("no newest", { $0.newest = nil }),
        ("a later state", { $0.standing = late.standing }),
        ("a later newest", { $0.newest = late.newest }),
        ("the successor's successor", { $0.successor = middle.successor }),
        ("another person", { $0.pid = other.pid }),
        ("a time of after the successor", { $0.atUs = receipts[1].recordedAtUs }),
        ("a time of before the newest", { $0.atUs = receipts[0].recordedAtUs - 1 }),
        ("another receipt", { $0.receipt = late.receipt }),
        ("no receipt", { $0.receipt = [] }),
        ("another person's entry", { $0.successor = other.newest }),
        ("another answer", { $0.answer?.reason = .withdrawn }),
        ("another id", { $0.answer?.consentID = "" }),
        ("both ends", { $0.lastReceiptNote = late.lastReceiptNote }),
        (
          "a later end",
          {
            $0.successor = nil
            $0.lastReceiptNote = late.lastReceiptNote
          }
        ),
        (
          "another person's end",
          {
            $0.successor = nil
            $0.lastReceiptNote = other.lastReceiptNote
          }
        ),
      ]
      for (what, change) in changes {
        var bad = early
        change(&bad)
        let evidence = bad
        #expect(throws: EvidenceFault.self, "\(what)") { try verifier.verify(evidence) }
      }
      // The parts would bear these two out, but nobody gave that answer.
      for change in [
        { $0.scope = "analytics" }, { $0.atUs += 1 },
      ] as [(inout ConsentEvidence) -> Void] {
        var same = early
        change(&same)
        let evidence = same
        #expect(throws: EvidenceFault.notProven("the signature is of other evidence")) {
          try verifier.verify(evidence)
        }
      }
      // An end of before the time in question says nothing of it.
      var stale = late
      stale.atUs += 60_000_000
      let later = stale
      #expect(throws: EvidenceFault.self) { try verifier.verify(later) }
    }
  }

  @Test("another log's key verifies nothing, and a time to come is refused")
  func refusals() async throws {
    try await ConsentFixture.run { fixture async throws in
      try await fixture.grant(1)
      let evidence = try await prove(fixture)
      let other = EvidenceVerifier(
        policy: try TrustPolicy(logs: [
          ConsentFixture.signer(name: fixture.audit.verifyingKey().name, seed: 9).key
        ]))
      #expect(throws: EvidenceFault.self) { try other.verify(evidence) }
      let later = SystemTime().now.microseconds + 60_000_000
      #expect(
        await refusal { _ = try await prove(fixture, at: later) }?.code == .invalidArgument)
      #expect(await refusal { _ = try await prove(fixture, "telepathy") }?.code == .invalidArgument)
      let cosigned = ProveRequest(
        pid: Example.pid(1).bytes, scope: "product_recs", cosigned: true)
      #expect(
        await refusal { _ = try await fixture.client.prove(cosigned) }?.code == .failedPrecondition)
    }
  }

  @Test("an expired consent is proven to have expired, to the microsecond")
  func expiry() async throws {
    try await ConsentFixture.run { fixture async throws in
      let until = SystemTime().now.advanced(byMicroseconds: 1_500_000)
      _ = try await fixture.client.grant(Example.grantRequest(1, until: until))
      try await eventually("the consent expires") { SystemTime().now > until }
      let before = try await prove(fixture, at: until.microseconds - 1)
      let after = try await prove(fixture, at: until.microseconds)
      #expect([before, after].map { $0.answer?.reason } == [.granted, .expired])
      for evidence in [before, after] { try verifier(fixture).verify(evidence) }
    }
  }

  @Test("imported receipts share an entry, and each is proven by itself", arguments: [1, 300, 600])
  func imported(count: UInt64) async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await fixture.importing(
        (1...count).map { Example.line($0) }, chunkCount: 1_000)
      #expect(try fixture.audit.count() == 1)
      let verifier = try verifier(fixture)
      for person in Set([1, count / 2 + 1, 256, 257, count - 1, count])
      where (1...count).contains(person) {
        let evidence = try await prove(fixture, person: person)
        #expect(evidence.answer?.reason == .granted)
        #expect(evidence.newest?.member == UInt32(person - 1))
        try verifier.verify(evidence)
        #expect(evidence.packed().count <= 4_096)
        try await fixture.withdraw(person)
        let withdrawn = try await prove(fixture, person: person)
        #expect(withdrawn.answer?.reason == .withdrawn)
        try verifier.verify(withdrawn)
        // Between the two: the import's entry and the withdrawal's.
        let between = try await prove(
          fixture, at: evidence.atUs, person: person)
        #expect(between.answer?.reason == .granted)
        #expect(between.successor?.batch == [])
        try verifier.verify(between)
      }
      #expect(try fixture.audit.verify() == .intact(entryCount: try fixture.audit.count()))
    }
  }

  @Test("restrictions, objections and refusals are proven with the receipt that decided")
  func kinds() async throws {
    try await ConsentFixture.run { fixture async throws in
      let pid = Example.pid(1).bytes
      let verifier = try verifier(fixture)
      func expect(_ reason: CheckReason, _ receipt: Receipt?) async throws {
        let evidence = try await prove(fixture)
        #expect(evidence.answer?.reason == reason)
        #expect(try Receipt(packed: evidence.receipt) == receipt)
        try verifier.verify(evidence)
      }
      let grant = try await fixture.grant(1)
      let restriction = try await fixture.client.restrictUse(
        RestrictUseRequest(pid: pid, scopes: ["product_recs"], source: "letter")
      ).receipt
      try await expect(.restricted, restriction)
      _ = try await fixture.client.liftRestriction(
        LiftRestrictionRequest(pid: pid, source: "letter"))
      try await expect(.granted, grant)
      let objection = try await fixture.client.object(
        ObjectRequest(pid: pid, scopes: ["product_recs"], source: "letter")
      ).receipt
      try await expect(.objected, objection)
      let denial = try await fixture.client.grant(
        GrantRequest(
          pid: pid, source: "web-portal:v2", version: 2, deniedScopes: ["product_recs"])
      ).receipt
      try await expect(.denied, denial)
    }
  }

  @Test(
    "a person with many receipts is answered at every one of their times",
    arguments: [1, 2, 31, 32, 33, 150])
  func history(count: Int) async throws {
    try await ConsentFixture.run { fixture async throws in
      var receipts: [Receipt] = []
      for number in 0..<count {
        if number.isMultiple(of: 2) {
          receipts.append(try await fixture.grant(1))
        } else {
          receipts.append(try required(try await fixture.withdraw(1).receipt))
        }
        if number.isMultiple(of: 5) { try await fixture.grant(UInt64(100 + number)) }
      }
      let verifier = try verifier(fixture)
      for (number, receipt) in receipts.enumerated() {
        let evidence = try await prove(fixture, at: receipt.recordedAtUs)
        #expect(evidence.answer?.sequence == receipt.sequence)
        #expect(evidence.answer?.granted == number.isMultiple(of: 2))
        try verifier.verify(evidence)
      }
      let before = try await prove(fixture, at: receipts[0].recordedAtUs - 1)
      #expect(before.answer?.reason == .neverAsked)
      try verifier.verify(before)
    }
  }

  @Test("what is under way is either in the evidence or later than it")
  func underWay() async throws {
    try await ConsentFixture.run { fixture async throws in
      let verifier = try verifier(fixture)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for number in 0..<40 {
            if number.isMultiple(of: 2) {
              try await fixture.grant(1)
            } else {
              try await fixture.withdraw(1)
            }
          }
        }
        group.addTask {
          for _ in 0..<60 {
            let evidence = try await fixture.client.prove(
              ProveRequest(pid: Example.pid(1).bytes, scope: "product_recs"))
            try verifier.verify(evidence)
            let history = try await fixture.client.history(
              HistoryRequest(pid: Example.pid(1).bytes)
            ).receipts
            // Nothing turns up later that was recorded by then.
            let last = history.last { $0.recordedAtUs <= evidence.atUs }
            #expect(evidence.answer?.sequence == last?.sequence ?? 0)
          }
        }
        try await group.waitForAll()
      }
    }
  }

  @Test("of an erased person only the erasure is proven; the log and others' evidence stay whole")
  func erased() async throws {
    try await ConsentFixture.run { fixture async throws in
      _ = try await fixture.importing((1...20).map { Example.line(UInt64($0)) })
      let receipts = try await prepare(fixture)
      let early = try await prove(fixture, at: receipts[0].recordedAtUs)
      let kept = try await prove(fixture, at: receipts[0].recordedAtUs, person: 2)
      let erasure = try required(
        try await fixture.client.erase(
          EraseRequest(pid: Example.pid(1).bytes, ground: "gdpr-17-1-b", source: "letter")
        ).receipt)
      let verifier = try verifier(fixture)
      let evidence = try await prove(fixture, at: erasure.recordedAtUs)
      #expect(evidence.answer?.reason == .erased)
      try verifier.verify(evidence)
      for at in [1, receipts[0].recordedAtUs, erasure.recordedAtUs - 1] {
        let error = await refusal { _ = try await prove(fixture, at: at) }
        #expect(error?.code == .failedPrecondition, "at \(at)")
        #expect(error?.message.contains("forgotten") == true)
        let check = CheckRequest(pid: Example.pid(1).bytes, scope: "product_recs", atUs: at)
        #expect(try await fixture.client.check(check).reason == .erased)
      }
      // What was handed out before still holds, and so does what is said of others.
      try verifier.verify(early)
      let other = try await prove(fixture, at: receipts[0].recordedAtUs, person: 2)
      #expect(other.newest?.content == kept.newest?.content)
      try verifier.verify(other)
      // No salt of this person is left: neither of entries nor of members of batches.
      let places = try fixture.store.read { snapshot in
        try snapshot.rows(ConsentTables.history, .prefix(Example.pid(1)))
          .filter { $0.key.second < erasure.sequence }.map(\.value)
      }
      #expect(places.count == 4)
      for place in places {
        switch place {
        case .entry(let index):
          #expect(throws: AuditLogError.noSuchEntry(index: index)) {
            try fixture.audit.opening(of: index)
          }
        case .member(_, _, let salt): #expect(salt == nil)
        case .unlogged: Issue.record("a receipt without an entry")
        }
      }
      #expect(
        try fixture.audit.verify()
          == .intact(entryCount: try fixture.audit.count(), closedCount: 3))
    }
  }

  @Test("times go on from where they were when the clock is set back")
  func clockSetBack() throws {
    let time = ManualTime()
    let clock = RecordingClock(time: time, last: time.now.advanced(byMicroseconds: 500))
    let first = clock.stamp()
    #expect(first.now == time.now)
    #expect(first.recordedAt == time.now.advanced(byMicroseconds: 501))
    time.advance(microseconds: 1_000)
    let second = clock.stamp()
    #expect(second.recordedAt == time.now)
    let earlier = second.now.advanced(byMicroseconds: -900)
    time.jump(to: earlier)
    let third = clock.stamp()
    #expect(third.now == earlier)
    #expect(third.recordedAt == second.recordedAt.advanced(byMicroseconds: 1))
    #expect(clock.durableThrough == first.recordedAt.advanced(byMicroseconds: -1))
    clock.isDurable(second.recordedAt)
    clock.isDurable(first.recordedAt)
    #expect(clock.durableThrough == second.recordedAt)
  }

  @Test("times of an earlier run are not given again")
  func nextRun() async throws {
    try await withTemporaryDirectory { directory async throws in
      let (atUs, key) = try await ConsentFixture.run(in: directory) { fixture async throws in
        try await fixture.grant(1)
        let evidence = try await prove(fixture)
        try verifier(fixture).verify(evidence)
        return (evidence.atUs, try fixture.audit.verifyingKey())
      }
      try await ConsentFixture.run(in: directory) { fixture async throws in
        #expect(try fixture.audit.verifyingKey() == key)
        #expect(try await fixture.withdraw(1).receipt?.recordedAtUs ?? 0 > atUs)
        let evidence = try await prove(fixture, at: atUs)
        #expect(evidence.answer?.reason == .granted)
        try verifier(fixture).verify(evidence)
      }
    }
  }
}
