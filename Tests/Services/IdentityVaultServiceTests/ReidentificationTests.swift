internal import AuditLog
internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI

@Suite("Re-identification")
struct ReidentificationTests {
  @Test("a request, two approvals by others, one answer; each step is in the log, no answer is")
  func wholeWay() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("ann.smith@example.com"))
      try await fixture.link(email("ann.smith@example.com"), phone("+49 170 1234567"))
      let (opened, token) = try await fixture.ask([pid])
      #expect(opened.state == .open && token.count == 32)
      #expect(try await fixture.approve(opened.id, by: People.ben).state == .open)
      let approved = try await fixture.approve(opened.id, by: People.cleo)
      #expect(approved.state == .approved && approved.warrantExpiresAtUs > 0)
      let people = try await fixture.redeem(opened.id, token)
      #expect(people.map(\.pid) == [pid] && people.allSatisfy { $0.known && !$0.forgotten })
      #expect(
        people.first?.identifiers.map(\.value) == ["ann.smith@example.com", "+491701234567"])
      #expect(try await fixture.state(of: opened.id) == .redeemed)
      #expect(
        try fixture.auditedActions() == [
          "vault.record", "vault.link", "reidentification.request", "reidentification.approve",
          "reidentification.approve", "reidentification.redeem",
        ])
      let log = "\(try fixture.audit.records(limit: 100))"
      #expect(log.contains("LEGAL-812") && log.contains("breach notice"))
      #expect(!log.contains("example.com") && !log.contains("1701234567"))
      #expect(!"\(people)".contains("example.com"), "identifiers are never printed")
    }
  }

  @Test("the requester approves nothing, in no role, and nobody counts twice")
  func distinctPeople() async throws {
    try await VaultFixture.run { fixture async throws in
      let (opened, token) = try await fixture.ask([try await fixture.pid(email("a@b.example"))])
      for own in [People.ann, People.annInPrivacy] {
        await expectRefused(.ownCase) { try await fixture.approve(opened.id, by: own) }
        await expectRefused(.ownCase) { try await fixture.deny(opened.id, by: own) }
      }
      try await fixture.approve(opened.id, by: People.ben)
      for again in [People.ben, People.person("security", "ben")] {
        await expectRefused(.approvedAlready) { try await fixture.approve(opened.id, by: again) }
      }
      await expectRefused(.notApproved) { try await fixture.redeem(opened.id, token) }
      try await fixture.approve(opened.id, by: People.cleo)
      await expectRefused(.notOpen(.approved)) {
        try await fixture.approve(opened.id, by: People.dan)
      }
      let refusals = try fixture.auditedActions().filter { $0 == "reidentification.refuse" }
      #expect(refusals.count == 8, "attempts to get round the rules show in the log")
    }
  }

  @Test("services and whoever has no certificate take no part", arguments: [true, false])
  func peopleOnly(isService: Bool) async throws {
    try await VaultFixture.run { fixture async throws in
      let peer = isService ? try PeerIdentity.service("pipeline") : .local
      let pid = try await fixture.pid(email("a@b.example"))
      await expectRefused(.notAPerson) { _ = try await fixture.ask([pid], by: peer) }
      let (opened, token) = try await fixture.ask([pid])
      await expectRefused(.notAPerson) { try await fixture.approve(opened.id, by: peer) }
      await expectRefused(.notAPerson) { try await fixture.redeem(opened.id, token, by: peer) }
      try await fixture.freeze()
      await expectRefused(.notAPerson) { try await fixture.unfreeze(by: peer) }
    }
  }

  @Test("a warrant answers its requester and its token, once")
  func singleUse() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("a@b.example"))
      let (id, token) = try await fixture.approvedCase([pid])
      let other = try await fixture.approvedCase([pid])
      await expectRefused(.wrongToken) { try await fixture.redeem(id, other.token) }
      await expectRefused(.wrongToken) { try await fixture.redeem(id, []) }
      for stranger in [People.ben, People.annInPrivacy] {
        await expectRefused(.notTheRequester) {
          try await fixture.redeem(id, token, by: stranger)
        }
      }
      #expect(try await fixture.redeem(id, token).count == 1)
      await expectRefused(.notOpen(.redeemed)) { try await fixture.redeem(id, token) }
      await expectRefused(.unknownCase) {
        try await fixture.redeem("r_01ARZ3NDEKTSV4RRFFQ69G5FAV", token)
      }
    }
  }

  @Test("of many who use one warrant at once, one gets the answer")
  func race() async throws {
    try await VaultFixture.run { fixture async throws in
      let (id, token) = try await fixture.approvedCase([
        try await fixture.pid(email("a@b.example"))
      ])
      let answered = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<20 {
          group.addTask { (try? await fixture.redeem(id, token)) != nil }
        }
        return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(answered == 1)
    }
  }

  @Test("what was used is used after a restart, and what was approved still is")
  func restart() async throws {
    try await withTemporaryDirectory { directory async throws in
      var used: (id: String, token: [UInt8]) = ("", [])
      var unused = used
      try await VaultFixture.run(in: directory) { fixture async throws in
        let pid = try await fixture.pid(email("a@b.example"))
        used = try await fixture.approvedCase([pid])
        unused = try await fixture.approvedCase([pid])
        try await fixture.redeem(used.id, used.token)
      }
      try await VaultFixture.run(in: directory) { fixture async throws in
        await expectRefused(.notOpen(.redeemed)) {
          try await fixture.redeem(used.id, used.token)
        }
        #expect(try await fixture.redeem(unused.id, unused.token).count == 1)
      }
    }
  }

  @Test("a store that takes no writes gives no answer, and the warrant is not lost")
  func logFirst() async throws {
    try await withTemporaryDirectory { directory async throws in
      var warrant: (id: String, token: [UInt8]) = ("", [])
      try await VaultFixture.run(in: directory) { fixture async throws in
        warrant = try await fixture.approvedCase([try await fixture.pid(email("a@b.example"))])
        fixture.store.close()
        await #expect(throws: StoreError.closed) {
          try await fixture.redeem(warrant.id, warrant.token)
        }
      }
      try await VaultFixture.run(in: directory) { fixture async throws in
        #expect(try await fixture.redeem(warrant.id, warrant.token).count == 1)
      }
    }
  }

  @Test(
    "a step whose commit fails gives no answer; where it reached the disk, the warrant is used",
    arguments: [true, false])
  func failedCommit(reachesDisk: Bool) async throws {
    try await withTemporaryDirectory { directory async throws in
      let disk = MemoryDisk()
      var warrant: (id: String, token: [UInt8]) = ("", [])
      try await VaultFixture.run(in: directory, disk: disk) { fixture async throws in
        warrant = try await fixture.approvedCase([try await fixture.pid(email("a@b.example"))])
        disk.failNextCommit(with: .diskFull("test"), reachesDisk: reachesDisk)
        await #expect(throws: StoreError.self) {
          try await fixture.redeem(warrant.id, warrant.token)
        }
      }
      try await VaultFixture.run(in: directory, disk: disk) { fixture async throws in
        let isLogged = try fixture.auditedActions().contains("reidentification.redeem")
        #expect(isLogged == reachesDisk)
        if reachesDisk {
          await expectRefused(.notOpen(.redeemed)) {
            try await fixture.redeem(warrant.id, warrant.token)
          }
        } else {
          #expect(try await fixture.redeem(warrant.id, warrant.token).count == 1)
        }
      }
    }
  }

  @Test("somebody forgotten or unknown gives no identifiers, and the answer says which")
  func forgotten() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("a@b.example"))
      let stranger = [UInt8](repeating: 1, count: 32)
      let (id, token) = try await fixture.approvedCase([pid, stranger])
      try await fixture.forget(pid)
      #expect(
        try await fixture.redeem(id, token) == [
          RevealedPerson(pid: pid, forgotten: true), RevealedPerson(pid: stranger),
        ])
    }
  }

  @Test("a case can be denied by another, and withdrawn by its requester alone")
  func closing() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("a@b.example"))
      let denied = try await fixture.approvedCase([pid])
      let closed = try await fixture.deny(denied.id, by: People.dan)
      #expect(closed.state == .denied && closed.reason == "no ground")
      await expectRefused(.notOpen(.denied)) {
        try await fixture.redeem(denied.id, denied.token)
      }
      let (opened, _) = try await fixture.ask([pid])
      await expectRefused(.notTheRequester) {
        try await fixture.withdraw(opened.id, by: People.ben)
      }
      #expect(try await fixture.withdraw(opened.id).state == .withdrawn)
      await expectRefused(.notOpen(.withdrawn)) {
        try await fixture.approve(opened.id, by: People.ben)
      }
      await expectRefused(.notOpen(.withdrawn)) {
        try await fixture.deny(opened.id, by: People.ben)
      }
    }
  }

  @Test("cases come newest first, page by page, or only those that are pending")
  func listing() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("a@b.example"))
      var ids: [String] = []
      for _ in 0..<3 {
        ids.append(try await fixture.ask([pid]).case.id)
        fixture.time.advance(microseconds: 1_000)
      }
      try await fixture.withdraw(ids[1])
      #expect(try await fixture.list().cases.map(\.id) == ids.reversed())
      #expect(try await fixture.list(pendingOnly: true).cases.map(\.id) == [ids[2], ids[0]])
      #expect(try await fixture.list(limit: 1).cases.map(\.id) == [ids[2]])
      #expect(try await fixture.list(before: ids[2], limit: 1).cases.map(\.id) == [ids[1]])
      await expectRefused(.limit) { _ = try await fixture.list(limit: 101) }
      await expectRefused(.unknownCase) { _ = try await fixture.list(id: "nothing") }
      #expect(await fixture.measure("reidentification_cases_pending") == 2)
    }
  }
}
