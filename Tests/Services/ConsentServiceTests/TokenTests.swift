import CommonAPI
import ConsentAPI
import ConsentService
import Cryptography
import Foundation
import Gate
import PrivacyCore
import RPC
import SealedStore
import TestSupport
import Testing
import Transport

@Suite("Consistency tokens")
struct TokenTests {
  @Test("every write gives one, and every read takes it")
  func everywhere() async throws {
    try await ConsentFixture.run { fixture async throws in
      let pid = Example.pid(1).bytes
      let grant = try await fixture.client.grant(Example.grantRequest(1))
      let receipt = try required(grant.receipt)
      let withdrawal = try await fixture.withdraw(1)
      let objection = try await fixture.client.object(ObjectRequest(pid: pid))
      let restriction = try await fixture.client.restrictUse(RestrictUseRequest(pid: pid))
      let lifted = try await fixture.client.liftRestriction(LiftRestrictionRequest(pid: pid))
      let many = try await fixture.client.withdrawMany(WithdrawManyRequest(pids: [pid]))
      let imported = try required(try await fixture.importing([Example.line(9)]).last)
      let erasure = try await fixture.client.erase(EraseRequest(pid: pid, ground: "gdpr-17-1-b"))
      let tokens = [
        grant.token, withdrawal.token, objection.token, restriction.token, lifted.token,
        many.token, imported.token, erasure.token,
      ]
      #expect(tokens.map { $0?.sequence } == [1, 2, 3, 4, 5, 6, 7, 8])
      for token in tokens {
        let check = CheckRequest(pid: pid, scope: "analytics", atLeast: token)
        #expect(try await fixture.client.check(check).sequence == 8)
        #expect(
          try await fixture.client.checkBatch(
            CheckBatchRequest(checks: [check], atLeast: token)
          ).replies.count == 1)
        _ = try await fixture.client.show(
          ShowRequest(consentID: receipt.consentID, atLeast: token))
        _ = try await fixture.client.history(HistoryRequest(pid: pid, atLeast: token))
        _ = try await fixture.client.state(StateRequest(pid: pid, atLeast: token))
        let export = try await fixture.client.export(
          ExportRequest(afterSequence: 7, atLeast: token))
        for try await chunk in export { #expect(chunk.lines.count == 1) }
        let feed = try await fixture.client.watch(
          WatchRequest(afterSequence: 7, atLeast: token))
        for try await batch in feed { #expect(batch.completeTo == 8) }
      }
    }
  }

  private func tokens(epoch: UInt64) throws -> ConsentTokens {
    try ConsentTokens(
      epoch: epoch, secret: SecretBytes(copying: [UInt8](repeating: 3, count: 32)))
  }

  @Test("a token that is changed in any bit is refused, and so is another epoch's")
  func forged() throws {
    let tokens = try tokens(epoch: 7)
    let token = try tokens.token(42)
    #expect(try tokens.position(of: token) == 42)
    #expect(try tokens.position(of: nil) == 0)
    for bit in 0..<128 {
      var forged = token
      forged.mac[bit / 8] ^= 1 << UInt8(bit % 8)
      let wrong = forged
      #expect(throws: ReceiptRefusal.forgedToken) { try tokens.position(of: wrong) }
    }
    var moved = token
    moved.sequence = 43
    let wrong = moved
    #expect(throws: ReceiptRefusal.forgedToken) { try tokens.position(of: wrong) }
    var cut = token
    cut.mac.removeLast()
    let short = cut
    #expect(throws: ReceiptRefusal.forgedToken) { try tokens.position(of: short) }
    let later = try self.tokens(epoch: 8)
    #expect(throws: ReceiptRefusal.tokenOfOtherEpoch) { try later.position(of: token) }
  }

  @Test("a read behind a token waits within its deadline, and is refused when that is over")
  func behind() async throws {
    try await ConsentFixture.run { fixture async throws in
      let key = try PositionKey(secret: fixture.tokenSecret())
      let epoch = try required(try await fixture.client.grant(Example.grantRequest(1)).token).epoch
      let ahead = ConsentToken(
        epoch: epoch, sequence: 2, mac: try key.code(epoch: epoch, position: 2))
      let pid = Example.pid(1).bytes
      let check = CheckRequest(pid: pid, scope: "analytics", atLeast: ahead)
      // A single check never waits.
      let single = await refusal { _ = try await fixture.client.check(check) }
      #expect(single?.code == .unavailable)
      let history = HistoryRequest(pid: pid, atLeast: ahead)
      let late = await refusal {
        _ = try await fixture.client.history(history, options: CallOptions(timeoutMs: 50))
      }
      #expect([.unavailable, .deadlineExceeded].contains(late?.code))
      async let waiting = fixture.client.history(history)
      try await Task.sleep(for: .milliseconds(20))
      try await fixture.withdraw(1)
      #expect(try await waiting.receipts.count == 2)
    }
  }

  @Test("a store that was restored from a backup has another epoch")
  func restored() async throws {
    try await withTemporaryDirectory { directory async throws in
      let store = directory.appending(path: "store")
      let backup = directory.appending(path: "backup")
      let (before, after) = try await ConsentFixture.run(in: store) { fixture async throws in
        let before = try await fixture.client.grant(Example.grantRequest(1)).token
        try fixture.store.backup(to: backup)
        return (before, try await fixture.client.grant(Example.grantRequest(2)).token)
      }
      try await ConsentFixture.run(in: store) { fixture async throws in
        let check = CheckRequest(
          pid: Example.pid(2).bytes, scope: "product_recs", atLeast: after)
        #expect(try await fixture.client.check(check).granted)
      }
      try SealedStore.restore(from: backup, to: store, force: true)
      try await ConsentFixture.run(in: store) { fixture async throws in
        let epoch = try required(after?.epoch)
        let feed = WatchRequest(afterSequence: 1, epoch: epoch)
        let other = await refusal { _ = try await fixture.changes(feed) }
        #expect(other?.code == .failedPrecondition)
        #expect(other?.detail("log-behind-gate") == "1")
        #expect(other?.message.contains("epoch") == true)
        let first = try required(
          try await fixture.changes(WatchRequest(afterSequence: 0)).first)
        #expect(first.epoch != epoch)
        let own = WatchRequest(afterSequence: 1, epoch: first.epoch)
        #expect(try await fixture.changes(own).map(\.completeTo) == [1])
        let beyond = WatchRequest(afterSequence: 2, epoch: first.epoch)
        let ahead = await refusal { _ = try await fixture.changes(beyond) }
        #expect(ahead?.message.contains("ahead of the log") == true)
        for token in [before, after] {
          let check = CheckRequest(
            pid: Example.pid(2).bytes, scope: "product_recs", atLeast: token)
          let error = await refusal { _ = try await fixture.client.check(check) }
          #expect(error?.code == .failedPrecondition)
          #expect(error?.message.contains("epoch") == true)
        }
      }
    }
  }

  @Test("a gate that knows a log does not take another one for it, even a longer one")
  func gateAfterRestore() async throws {
    try await withTemporaryDirectory { directory async throws in
      let store = directory.appending(path: "store")
      let backup = directory.appending(path: "backup")
      let effects = NotedEffects()
      var configuration = ConsentConfiguration.quick
      configuration.leaseMs = 1_000
      try await ConsentFixture.run(in: store, configuration: configuration) { before async throws in
        for person in [1, 2] as [UInt64] { try await before.grant(person) }
        try before.store.backup(to: backup)
        for person in [3, 4] as [UInt64] { try await before.grant(person) }
        try await before.withGate(effects: effects) { gate async throws in
          try await eventually("the gate knows the log") { gate.appliedSequence.value == 4 }
          await before.stop()
          try SealedStore.restore(from: backup, to: store, force: true)
          try await ConsentFixture.run(
            in: store, port: before.endpoint.port, configuration: configuration
          ) { after async throws in
            // Positions that the gate has seen already, with other changes on them.
            try await after.withdraw(1)
            for person in [5, 6, 7] as [UInt64] { try await after.grant(person) }
            try await eventually("the gate knows the new log") {
              gate.isLive && gate.appliedSequence.value == 6
            }
            #expect(try gate.withholding(1) == .withdrawn)
            #expect(try gate.withholding(2) == nil)
            #expect(try gate.withholding(4) == .neverAsked)
            #expect(effects.kinds.filter { $0 == .withdrawal }.count == 1)
          }
        }
      }
    }
  }

  @Test("a gate learns how to judge tokens, waits for one that is ahead, and refuses forged ones")
  func atTheGate() async throws {
    try await ConsentFixture.run(configuration: .steady) { fixture async throws in
      try await fixture.withGate { gate async throws in
        let token = try required(
          try await fixture.client.grant(Example.grantRequest(1)).token)
        try await gate.wait(for: token, until: nil)
        #expect(gate.appliedSequence.value >= token.sequence)
        try await gate.wait(for: nil, until: nil)
        var forged = token
        forged.sequence += 1
        let wrong = forged
        await #expect(throws: TokenRefusal.forged) { try await gate.wait(for: wrong, until: nil) }
        var foreign = token
        foreign.epoch += 1
        let other = foreign
        await #expect(throws: TokenRefusal.otherEpoch) {
          try await gate.wait(for: other, until: nil)
        }
        let key = try PositionKey(secret: fixture.tokenSecret())
        let ahead = ConsentToken(
          epoch: token.epoch, sequence: 9, mac: try key.code(epoch: token.epoch, position: 9))
        let soon = Deadline(
          monotonicMicroseconds: SystemTime().monotonicMicroseconds + 20_000)
        await #expect(throws: TokenRefusal.behind(applied: gate.appliedSequence)) {
          try await gate.wait(for: ahead, until: soon)
        }
      }
    }
  }
}

extension ConsentFixture {
  /// The secret of the tokens, which every run of the fixture shares.
  func tokenSecret() throws -> SecretBytes {
    try KeyDerivation.hkdfSHA256(
      secret: SecretBytes(copying: Array("the same in each run".utf8)), salt: [],
      info: Array("token".utf8), byteCount: 32)
  }
}
