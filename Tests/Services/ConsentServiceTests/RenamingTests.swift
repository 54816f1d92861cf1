import AuditLog
import CommonAPI
import ConsentAPI
import ConsentService
import Cryptography
import Foundation
import Gate
import PrivacyCore
import RPC
import TestSupport
import Testing
import VaultAPI

@Suite("People who get another pid")
struct RenamingTests {
  /// Runs `body` with a service that follows `vault`, and a gate.
  private func run(
    _ vault: StubRotation, configuration: ConsentConfiguration = .steady,
    effects: any GateEffects = NoEffects(),
    _ body: (ConsentFixture, Gate) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory async throws in
      try await vault.run { rotation async throws in
        try await ConsentFixture.run(
          in: directory, rotation: rotation, configuration: configuration
        ) { fixture async throws in
          try await fixture.withGate(effects: effects) { gate async throws in
            try await fixture.whileRunning { try await body(fixture, gate) }
          }
        }
      }
    }
  }

  private func ledgerPids(_ fixture: ConsentFixture) throws -> [PseudonymousID: Int] {
    Dictionary(
      try fixture.service.ledger.pids(after: nil, limit: 1_000).map { ($0.pid, $0.rowCount) },
      uniquingKeysWith: +)
  }

  @Test("each call means the person under both pids, and answers with the new one")
  func bothNames() async throws {
    let vault = StubRotation()
    var configuration = ConsentConfiguration.steady
    configuration.gpcScopes = [try required(Scope("marketing"))]
    try await run(vault, configuration: configuration) { fixture, gate async throws in
      let client = fixture.client
      let first = try await fixture.grant(1, scopes: ["product_recs", "analytics"])
      for person in UInt64(2)...7 { try await fixture.grant(person) }
      vault.rename((1...7).map { ($0, 100 + $0) })
      try await vault.settled()
      for person in [UInt64(1), 101] {
        let pid = Example.pid(person).bytes
        #expect(try await fixture.reason(person) == .granted)
        let batch = try await client.checkBatch(
          CheckBatchRequest(checks: [CheckRequest(pid: pid, scope: "analytics")]))
        #expect(batch.replies.map(\.reason) == [.granted])
        let past = CheckRequest(pid: pid, scope: "product_recs", atUs: first.recordedAtUs)
        #expect(try await client.check(past).reason == .granted)
        let before = CheckRequest(pid: pid, scope: "product_recs", atUs: first.recordedAtUs - 1)
        #expect(try await client.check(before).reason == .neverAsked)
        let history = try await client.history(HistoryRequest(pid: pid)).receipts
        #expect(history.map(\.kind).prefix(2) == [.grant, .renaming])
        #expect(history.map(\.personSequence) == Array(1...UInt64(history.count)))
        let state = try await client.state(StateRequest(pid: pid))
        #expect(state.purposes.contains { $0.purpose == "analytics" && $0.reason == .granted })
        #expect(try gate.withholding(person) == nil)
        // What is recorded names the new pid, whatever the caller knows.
        let restricted = try await client.restrictUse(
          RestrictUseRequest(pid: pid, scopes: ["analytics"], source: "letter"))
        #expect(restricted.receipt?.pid == Example.pid(101).bytes)
        #expect(try gate.withholding(1, "analytics") == .restricted)
        #expect(try gate.withholding(101, "analytics") == .restricted)
        let lifted = try await client.liftRestriction(
          LiftRestrictionRequest(pid: pid, source: "letter"))
        #expect(lifted.receipt?.pid == Example.pid(101).bytes)
        try await eventually("the gate knows") {
          try gate.withholding(1, "analytics") == nil
            && gate.withholding(101, "analytics") == nil
        }
        let objected = try await client.object(
          ObjectRequest(pid: pid, scopes: ["marketing"], source: "letter"))
        #expect(objected.receipt?.pid == Example.pid(101).bytes)
        let signal = try await client.recordSignal(
          RecordSignalRequest(pid: pid, source: "web", signal: .gpc("1")))
        #expect(signal.receipt?.pid == Example.pid(101).bytes)
        let granted = try await fixture.grant(person, scopes: ["marketing"])
        #expect(granted.pid == Example.pid(101).bytes)
      }
      let whole = try await client.history(HistoryRequest(pid: Example.pid(101).bytes)).receipts
      let renaming = try #require(whole.first { $0.kind == .renaming })
      #expect(renaming.formerPid == Example.pid(1).bytes)
      #expect(renaming.pid == Example.pid(101).bytes)
      #expect(renaming.rotation == 1)
      #expect(renaming.previousHash == (try hash(first)))
      #expect(try ledgerPids(fixture).keys.sorted() == (101...107).map { Example.pid($0) }.sorted())
    }
  }

  private func hash(_ receipt: Receipt) throws -> [UInt8] {
    try Digest.sha256(receipt.packed())
  }

  @Test("a withdrawal under either pid is in force for both when it is answered")
  func withdrawals() async throws {
    let vault = StubRotation()
    try await run(vault) { fixture, gate async throws in
      for person in UInt64(1)...3 { try await fixture.grant(person) }
      vault.rename([(1, 101), (2, 102), (3, 103)])
      try await vault.settled()
      for (used, former, new) in [(UInt64(1), UInt64(1), UInt64(101)), (102, 2, 102)] {
        let reply = try await fixture.withdraw(used)
        #expect(reply.receipt?.pid == Example.pid(new).bytes)
        #expect(reply.gates.map(\.confirmed) == [true])
        for person in [former, new] {
          #expect(try gate.withholding(person) == .withdrawn)
          #expect(try await fixture.reason(person) == .withdrawn)
        }
      }
      // Both pids of one person in one call are one withdrawal.
      let many = try await fixture.client.withdrawMany(
        WithdrawManyRequest(
          pids: [Example.pid(3).bytes, Example.pid(103).bytes], source: "bulk"))
      #expect(many.people.map(\.created) == [true, false])
      #expect(Set(many.people.map(\.sequence)).count == 1)
      #expect(try gate.withholding(3) == .withdrawn)
      #expect(try gate.withholding(103) == .withdrawn)
    }
  }

  @Test("a request that is repeated after the renaming is answered as before")
  func repeated() async throws {
    let vault = StubRotation()
    try await run(vault) { fixture, _ async throws in
      var request = Example.grantRequest(1)
      request.idempotencyKey = "once"
      let first = try await fixture.client.grant(request)
      let named = Example.grantRequest(
        2, until: Example.now.advanced(byMicroseconds: 3 * Example.year),
        id: Example.id(9).description)
      let second = try await fixture.client.grant(named)
      vault.rename([(1, 101), (2, 102)])
      try await vault.settled()
      #expect(try await fixture.client.grant(request).receipt == first.receipt)
      for person in [UInt64(2), 102] {
        var again = named
        again.pid = Example.pid(person).bytes
        let reply = try await fixture.client.grant(again)
        #expect(reply.receipt == second.receipt)
        #expect(!reply.created)
      }
      var stranger = named
      stranger.pid = Example.pid(1).bytes
      let other = stranger
      let refused = await refusal { _ = try await fixture.client.grant(other) }
      #expect(refused?.code == .alreadyExists)
    }
  }

  @Test("once it is over the former pid is nobody's, and the new one is all that was")
  func retired() async throws {
    let vault = StubRotation()
    try await run(vault) { fixture, gate async throws in
      for person in UInt64(1)...5 { try await fixture.grant(person) }
      vault.rename((1...5).map { ($0, 100 + $0) })
      try await vault.settled()
      vault.set { $0.phase = .dualRead }
      try await eventually("a scan is told") { vault.last?.scan != nil }
      let scan = try #require(vault.last?.scan)
      #expect(scan.phase == .dualRead)
      #expect(scan.renamings == 5)
      #expect(scan.pids == 5)
      #expect(scan.formerRows == 0)
      #expect(scan.unknownRows == 0)
      // A person and two receipts each.
      #expect(scan.rows == 15)
      #expect(vault.last?.peopleMoved == 5)
      #expect(vault.last?.rowsMoved == 10)
      #expect(vault.last?.peopleLeft == 0)
      #expect(try await fixture.reason(1) == .granted)
      vault.set {
        $0.phase = .retired
        $0.retiredRotation = 1
      }
      try await eventually("the former pid is nobody's") {
        try await fixture.reason(1) == .neverAsked && gate.withholding(1) == .neverAsked
      }
      #expect(
        try await fixture.client.history(
          HistoryRequest(pid: Example.pid(1).bytes)
        ).receipts.isEmpty)
      #expect(try await fixture.reason(101) == .granted)
      #expect(try gate.withholding(101) == nil)
      #expect(
        try await fixture.client.history(
          HistoryRequest(pid: Example.pid(101).bytes)
        ).receipts.map(\.kind) == [.grant, .renaming])
      try await eventually("no former pid is held") {
        try fixture.service.ledger.formerNameCount() == 0
      }
      // The next rotation begins with the first renaming.
      vault.set {
        $0.rotation = 2
        $0.phase = .dualWrite
        $0.renamings = []
      }
      vault.rename([(101, 201), (102, 202)])
      try await vault.settled()
      #expect(try await fixture.reason(101) == .granted)
      #expect(try await fixture.reason(201) == .granted)
      #expect(try await fixture.reason(1) == .neverAsked)
      let history = try await fixture.client.history(
        HistoryRequest(pid: Example.pid(101).bytes)
      ).receipts
      #expect(history.map(\.kind) == [.grant, .renaming, .renaming])
      #expect(history.map(\.rotation) == [0, 1, 2])
    }
  }

  @Test("nothing is recorded under a pid that a rotation has made nobody's, at once and for good")
  func retiredPid() async throws {
    let vault = StubRotation()
    try await run(vault) { fixture, gate async throws in
      let granted = try await fixture.grant(1)
      vault.rename([(1, 101)])
      try await vault.settled()
      vault.set {
        $0.phase = .retired
        $0.retiredRotation = 1
      }
      try await eventually("the former pid is nobody's") {
        try await fixture.reason(1) == .neverAsked
      }
      // Both while the store still holds whom it meant, and afterwards.
      for isForgotten in [false, true] {
        if isForgotten {
          try await eventually("no former pid is held") {
            try fixture.service.ledger.formerNameCount() == 0
          }
        }
        let pid = Example.pid(1).bytes
        let calls: [() async throws -> Void] = [
          { _ = try await fixture.grant(1) },
          { _ = try await fixture.withdraw(1) },
          {
            _ = try await fixture.client.withdrawMany(
              WithdrawManyRequest(pids: [Example.pid(101).bytes, pid], source: "bulk"))
          },
          {
            _ = try await fixture.client.erase(
              EraseRequest(pid: pid, ground: "gdpr-17-1-b", source: "desk"))
          },
          {
            _ = try await fixture.client.eraseMany(
              EraseManyRequest(pids: [pid], ground: "gdpr-17-1-b", source: "desk"))
          },
        ]
        for call in calls {
          let refused = await refusal(call)
          #expect(refused?.code == .failedPrecondition)
          #expect(refused?.message.contains("ask the vault for the present one") == true)
        }
        let many = await refusal {
          _ = try await fixture.client.eraseMany(
            EraseManyRequest(
              pids: [Example.pid(101).bytes, pid], ground: "gdpr-17-1-b", source: "desk"))
        }
        let named = Example.pid(1).description.prefix(8)
        #expect(many?.message.hasPrefix("1 of these pids") == true)
        #expect(many?.message.contains(named) == true)
        let progress = try await fixture.importing([
          Example.line(7, person: 1), Example.line(isForgotten ? 9 : 8),
        ])
        #expect(progress.last?.accepted == 1)
        #expect(progress.last?.rejects.map(\.line) == [1])
      }
      #expect(try await fixture.reason(101) == .granted)
      #expect(try gate.withholding(101) == nil)
      let history = try await fixture.client.history(
        HistoryRequest(pid: Example.pid(101).bytes))
      #expect(history.receipts.map(\.kind) == [.grant, .renaming])
      #expect(history.receipts.first == granted)
    }
  }

  @Test("a vault out of reach, or one that leaves a number out, is asked again")
  func unreachable() async throws {
    let vault = StubRotation()
    vault.set { $0.isUp = false }
    vault.rename((1...7).map { ($0, 100 + $0) })
    try await run(vault) { fixture, _ async throws in
      try await fixture.grant(1)
      try await Task.sleep(for: .milliseconds(50))
      #expect(try fixture.service.ledger.renamingProgress().cursor == 0)
      vault.set {
        $0.isUp = true
        $0.leavesGap = true
      }
      try await Task.sleep(for: .milliseconds(50))
      #expect(try fixture.service.ledger.renamingProgress().cursor == 0)
      #expect(try await fixture.reason(101) == .neverAsked)
      vault.set { $0.leavesGap = false }
      try await vault.settled()
      #expect(try await fixture.reason(101) == .granted)
      // People of whom nothing is recorded are renamed all the same.
      #expect(
        try await fixture.client.history(
          HistoryRequest(pid: Example.pid(7).bytes)
        ).receipts.map(\.kind) == [.renaming])
      try await fixture.grant(7)
      #expect(try await fixture.reason(107) == .granted)
    }
  }

  @Test("nothing counts, and no other page is taken, before every gate that may serve knows it")
  func stalledGate() async throws {
    let vault = StubRotation()
    let effects = NotedEffects()
    try await run(vault, effects: effects) { fixture, gate async throws in
      try await fixture.grant(1)
      effects.hold(true)
      vault.rename([(1, 101), (2, 102), (3, 103), (4, 104), (5, 105)])
      try await eventually("a page is recorded") {
        try fixture.service.ledger.renamingProgress().cursor == 3
      }
      try await eventually("a report is told") { vault.last?.rotation == 1 }
      try await Task.sleep(for: .milliseconds(50))
      // The next page waits for the gate as well.
      #expect(vault.last?.renamings == 0)
      #expect(try fixture.service.ledger.renamingProgress().cursor == 3)
      #expect(try await fixture.reason(101) == .granted)
      effects.hold(false)
      try await vault.settled()
      #expect(try gate.withholding(101) == nil)
    }
  }

  @Test("a service that ends between two pages goes on behind the last one when it is back")
  func restart() async throws {
    let vault = StubRotation()
    vault.rename((1...7).map { ($0, 100 + $0) })
    try await withTemporaryDirectory { directory async throws in
      try await vault.run { rotation async throws in
        let effects = NotedEffects()
        try await ConsentFixture.run(in: directory, rotation: rotation, configuration: .steady) {
          fixture async throws in
          for person in UInt64(1)...7 { try await fixture.grant(person) }
          try await fixture.withGate(effects: effects) { _ in
            effects.hold(true)
            try await fixture.whileRunning {
              try await eventually("a page is recorded") {
                try fixture.service.ledger.renamingProgress().cursor == 3
              }
            }
            effects.hold(false)
          }
        }
        vault.set { $0.reports = [] }
        try await ConsentFixture.run(in: directory, rotation: rotation) { fixture async throws in
          #expect(try await fixture.reason(1) == .granted)
          #expect(try await fixture.reason(101) == .granted)
          #expect(try await fixture.reason(107) == .neverAsked)
          try await fixture.whileRunning { try await vault.settled() }
          for person in UInt64(1)...7 {
            let history = try await fixture.client.history(
              HistoryRequest(pid: Example.pid(100 + person).bytes)
            ).receipts
            #expect(history.map(\.kind) == [.grant, .renaming])
          }
          #expect(fixture.service.lastPosition == 14)
        }
      }
    }
  }

  @Test("a gate that serves a range of pids is told everything once somebody has two of them")
  func ranges() async throws {
    let vault = StubRotation()
    let pids = (UInt64(1)...200).sorted { Example.pid($0) < Example.pid($1) }
    let (low, high, middle) = (pids[0], pids[199], pids[100])
    try await run(vault) { fixture, _ async throws in
      let line = try await fixture.client.attend()
      try await line.send(
        GateMessage(
          body: .registration(GateRegistration(gate: "low", pidBefore: Example.pid(middle).bytes))))
      let told = Task {
        var kinds: [ReceiptKind] = []
        for try await event in line.replies {
          guard case .changes(let batch)? = event.body else { continue }
          kinds += batch.changes.map(\.kind)
          try await line.send(
            GateMessage(
              body: .confirmation(GateConfirmation(appliedSequence: batch.completeTo))))
          if kinds.last == .withdrawal { break }
        }
        return kinds
      }
      try await fixture.grant(low)
      try await fixture.grant(pids[150])
      vault.rename([(low, high)])
      try await vault.settled()
      try await fixture.withdraw(high)
      #expect(try await told.value == [.grant, .renaming, .withdrawal])
      try await line.finish()
    }
  }
}
