internal import Foundation
internal import IdentityVaultService
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI

@Suite("Limits of re-identification")
struct ReidentificationLimitTests {
  private static func pids(_ count: Int) -> [[UInt8]] {
    (0..<count).map { [UInt8(truncatingIfNeeded: $0)] + [UInt8](repeating: 7, count: 31) }
  }

  @Test("one request names 1 to 100 people, each once")
  func people() async throws {
    try await VaultFixture.run { fixture async throws in
      #expect(try await fixture.ask(Self.pids(1)).case.pids.count == 1)
      #expect(try await fixture.ask(Self.pids(100)).case.pids.count == 100)
      await expectRefused(.noPeople) { _ = try await fixture.ask([]) }
      await expectRefused(.tooManyPeople(limit: 100)) { _ = try await fixture.ask(Self.pids(101)) }
      await expectRefused(.repeatedPerson) {
        _ = try await fixture.ask(Self.pids(1) + Self.pids(1))
      }
      await expectRefused(.malformedPID) { _ = try await fixture.ask([[1, 2, 3]]) }
    }
  }

  @Test("purpose, ticket and reason have lengths, and hold no identifier")
  func texts() async throws {
    try await VaultFixture.run { fixture async throws in
      let pids = Self.pids(1)
      func text(_ count: Int) -> String { String(repeating: "p", count: count) }
      _ = try await fixture.ask(pids, purpose: text(256), ticket: text(128))
      for purpose in ["", text(257)] {
        await expectRefused(.purposeLength) {
          _ = try await fixture.ask(pids, purpose: purpose)
        }
      }
      for ticket in ["", text(129)] {
        await expectRefused(.ticketLength) { _ = try await fixture.ask(pids, ticket: ticket) }
      }
      await expectRefused(.textLooksLike("an e-mail address")) {
        _ = try await fixture.ask(pids, purpose: "write to ann@example.com")
      }
      let (opened, _) = try await fixture.ask(pids)
      await expectRefused(.reasonLength) {
        try await fixture.deny(opened.id, reason: text(257), by: People.ben)
      }
      #expect(
        try await fixture.deny(opened.id, reason: text(256), by: People.ben).state == .denied)
    }
  }

  @Test("a requester has as many open cases as the limit says; closed and expired ones are none")
  func openCases() async throws {
    var configuration = IdentityVaultConfiguration()
    configuration.reidentification.openCasesPerRequesterMax = 2
    try await VaultFixture.run(configuration: configuration) { fixture async throws in
      let first = try await fixture.ask(Self.pids(1)).case.id
      _ = try await fixture.ask(Self.pids(1))
      await expectRefused(.tooManyOpenCases(limit: 2)) { _ = try await fixture.ask(Self.pids(1)) }
      _ = try await fixture.ask(Self.pids(1), by: People.dan)
      try await fixture.withdraw(first)
      _ = try await fixture.ask(Self.pids(1))
      await expectRefused(.tooManyOpenCases(limit: 2)) { _ = try await fixture.ask(Self.pids(1)) }
      fixture.time.advance(
        microseconds: configuration.reidentification.requestSeconds * 1_000_000)
      _ = try await fixture.ask(Self.pids(1))
      #expect(await fixture.measure("reidentification_cases_pending") == 2)
    }
  }

  @Test("whoever tries again and again is slowed down, and can freeze all the same")
  func rate() async throws {
    var configuration = IdentityVaultConfiguration()
    configuration.singleLimits = try #require(CallerLimits(text: "1:3:100"))
    try await VaultFixture.run(configuration: configuration) { fixture async throws in
      let (opened, token) = try await fixture.ask(Self.pids(1))
      for _ in 0..<2 {
        await expectRefused(.notApproved) { try await fixture.redeem(opened.id, token) }
      }
      let count = try fixture.auditedActions().count
      await #expect(throws: VaultRefusal.tooFast(retryAfterMs: 1_000)) {
        try await fixture.redeem(opened.id, token)
      }
      #expect(try fixture.auditedActions().count == count)
      #expect(try await fixture.freeze(by: People.ann).frozen)
      fixture.time.advance(microseconds: 1_000_000)
      await expectRefused(.frozen) { try await fixture.redeem(opened.id, token) }
    }
  }

  @Test("a request waits for approvals until the last microsecond, and no longer")
  func requestExpiry() async throws {
    try await VaultFixture.run { fixture async throws in
      let wait = ReidentificationConfiguration().requestSeconds * 1_000_000
      let (opened, _) = try await fixture.ask(Self.pids(1))
      fixture.time.advance(microseconds: wait - 1)
      #expect(try await fixture.approve(opened.id, by: People.ben).state == .open)
      fixture.time.advance(microseconds: 1)
      #expect(try await fixture.state(of: opened.id) == .expired)
      await expectRefused(.notOpen(.expired)) {
        try await fixture.approve(opened.id, by: People.cleo)
      }
    }
  }

  @Test("a warrant is valid until the last microsecond, and no longer", arguments: [-1, 0, 1])
  func warrantExpiry(lateness: Int64) async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("a@b.example"))
      let (id, token) = try await fixture.approvedCase([pid])
      fixture.time.advance(
        microseconds: ReidentificationConfiguration().warrantSeconds * 1_000_000 + lateness)
      if lateness < 0 {
        #expect(try await fixture.redeem(id, token).count == 1)
      } else {
        await expectRefused(.notOpen(.expired)) { try await fixture.redeem(id, token) }
      }
    }
  }

  @Test("setting the clock back brings nothing to life that had expired")
  func clockSetBack() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("a@b.example"))
      let (id, token) = try await fixture.approvedCase([pid])
      let before = fixture.time.now
      fixture.time.advance(microseconds: 86_400_000_000)
      await expectRefused(.notOpen(.expired)) { try await fixture.redeem(id, token) }
      fixture.time.jump(to: before)
      await expectRefused(.notOpen(.expired)) { try await fixture.redeem(id, token) }
    }
  }

  @Test("settings out of their ranges stop the start")
  func configuration() {
    let faulty: [(inout ReidentificationConfiguration) -> Void] = [
      { $0.requestSeconds = 59 }, { $0.requestSeconds = 30 * 86_400 + 1 },
      { $0.warrantSeconds = 0 }, { $0.warrantSeconds = 86_401 },
      { $0.peoplePerRequestMax = 0 }, { $0.peoplePerRequestMax = 101 },
      { $0.openCasesPerRequesterMax = 0 }, { $0.openCasesPerRequesterMax = 1_001 },
    ]
    let sound: [(inout ReidentificationConfiguration) -> Void] = [
      { $0.requestSeconds = 60 }, { $0.requestSeconds = 30 * 86_400 },
      { $0.warrantSeconds = 1 }, { $0.warrantSeconds = 86_400 },
      { $0.peoplePerRequestMax = 1 }, { $0.peoplePerRequestMax = 100 },
      { $0.openCasesPerRequesterMax = 1 }, { $0.openCasesPerRequesterMax = 1_000 },
    ]
    for change in faulty {
      var configuration = IdentityVaultConfiguration()
      change(&configuration.reidentification)
      #expect(configuration.fault != nil)
    }
    for change in sound {
      var configuration = IdentityVaultConfiguration()
      change(&configuration.reidentification)
      #expect(configuration.fault == nil)
    }
  }
}

@Suite("Freezing re-identification")
struct ReidentificationFreezeTests {
  @Test("a frozen path refuses every step, issued warrants too, and what was open stays void")
  func freeze() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("a@b.example"))
      let (opened, _) = try await fixture.ask([pid])
      let (id, token) = try await fixture.approvedCase([pid])
      #expect(try await fixture.freeze().frozen)
      #expect(await fixture.measure("reidentification_frozen") == 1)
      await expectRefused(.frozen) { _ = try await fixture.ask([pid]) }
      await expectRefused(.frozen) { try await fixture.approve(opened.id, by: People.ben) }
      await expectRefused(.frozen) { try await fixture.deny(opened.id, by: People.ben) }
      await expectRefused(.frozen) { try await fixture.withdraw(opened.id) }
      await expectRefused(.frozen) { try await fixture.redeem(id, token) }
      try await fixture.unfreeze(by: People.ben)
      #expect(try await fixture.unfreeze(by: People.dan).frozen == false)
      await expectRefused(.notOpen(.void)) { try await fixture.redeem(id, token) }
      await expectRefused(.notOpen(.void)) {
        try await fixture.approve(opened.id, by: People.ben)
      }
      let anew = try await fixture.approvedCase([pid])
      #expect(try await fixture.redeem(anew.id, anew.token).count == 1)
    }
  }

  @Test("to open the path again takes two people, the second within the hour")
  func unfreeze() async throws {
    try await VaultFixture.run { fixture async throws in
      await expectRefused(.notFrozen) { try await fixture.unfreeze(by: People.ben) }
      try await fixture.freeze()
      #expect(try await fixture.unfreeze(by: People.ben).frozen)
      for same in [People.ben, People.person("security", "ben")] {
        await expectRefused(.proposedAlready) { try await fixture.unfreeze(by: same) }
      }
      fixture.time.advance(
        microseconds: ReidentificationConfiguration.unfreezeSeconds * 1_000_000)
      let late = try await fixture.unfreeze(by: People.dan)
      #expect(late.frozen && late.unfreezeProposedBy == People.dan.spiffeID)
      fixture.time.advance(
        microseconds: ReidentificationConfiguration.unfreezeSeconds * 1_000_000 - 1)
      #expect(try await fixture.unfreeze(by: People.ben).frozen == false)
    }
  }

  @Test("freezing again ends a proposal; freezing what is frozen changes nothing")
  func again() async throws {
    try await VaultFixture.run { fixture async throws in
      try await fixture.freeze()
      let count = try fixture.auditedActions().count
      try await fixture.freeze(by: People.ben)
      #expect(try fixture.auditedActions().count == count)
      try await fixture.unfreeze(by: People.ben)
      #expect(try await fixture.freeze().unfreezeProposedBy.isEmpty)
      #expect(try await fixture.unfreeze(by: People.cleo).frozen, "the first of two, anew")
    }
  }

  @Test(
    "a store from a backup is frozen: no warrant is used twice, no freeze is lost",
    arguments: [true, false])
  func restored(hasCases: Bool) async throws {
    try await withTemporaryDirectory { directory async throws in
      let store = directory.appending(path: "store")
      let backup = directory.appending(path: "backup")
      var warrant: (id: String, token: [UInt8]) = ("", [])
      var pid: [UInt8] = []
      try await VaultFixture.run(in: store) { fixture async throws in
        pid = try await fixture.pid(email("a@b.example"))
        if hasCases { warrant = try await fixture.approvedCase([pid]) }
        try fixture.store.backup(to: backup)
        if hasCases { try await fixture.redeem(warrant.id, warrant.token) }
      }
      try SealedStore.restore(from: backup, to: store, force: true)
      for _ in 0..<2 {
        try await VaultFixture.run(in: store) { fixture async throws in
          await expectRefused(.frozen) { _ = try await fixture.ask([pid]) }
          #expect(try await fixture.list().path?.frozenBy == "tacit:restore")
        }
      }
      try await VaultFixture.run(in: store) { fixture async throws in
        try await fixture.unfreeze(by: People.ben)
        try await fixture.unfreeze(by: People.dan)
      }
      try await VaultFixture.run(in: store) { fixture async throws in
        if hasCases {
          await expectRefused(.notOpen(.void)) {
            try await fixture.redeem(warrant.id, warrant.token)
          }
        }
        let anew = try await fixture.approvedCase([pid])
        #expect(try await fixture.redeem(anew.id, anew.token).count == 1)
      }
    }
  }

  @Test("the path is frozen after a restart")
  func restart() async throws {
    try await withTemporaryDirectory { directory async throws in
      try await VaultFixture.run(in: directory) { try await $0.freeze() }
      try await VaultFixture.run(in: directory) { fixture async throws in
        await expectRefused(.frozen) {
          _ = try await fixture.ask([[UInt8](repeating: 1, count: 32)])
        }
        #expect(try await fixture.list().path?.frozen == true)
      }
    }
  }
}
