internal import AccessPack
internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI

@Suite("Two pids of one person while pid keys are rotated")
struct PidRotationNamesTests {
  private let ann = email("ann@example.com")
  private let annAtWork = email("ann.smith@work.example")
  private let mobile = phone("+49 170 1234567")
  private let ben = email("ben@example.com")

  /// Ann with two identifiers, and her two pids.
  private func twoNames(
    _ fixture: VaultFixture, _ moment: VaultFixture.Moment
  ) async throws -> (former: [UInt8], new: [UInt8]) {
    let former = try await fixture.pid(ann)
    try await fixture.link(ann, mobile)
    try await fixture.go(to: moment)
    return (former, try await fixture.next(of: former))
  }

  @Test(
    "both show the person, and a link is found under both",
    arguments: VaultFixture.Moment.withTwoNames)
  func show(moment: VaultFixture.Moment) async throws {
    try await VaultFixture.run { fixture async throws in
      let (former, new) = try await twoNames(fixture, moment)
      let linked = try await fixture.link(ann, annAtWork)
      #expect(linked.pid == (moment == .dualWrite ? former : new))
      let shown = try await fixture.show(former)
      #expect(shown.identifiers.count == 3 && shown.hasSubjectKey)
      #expect(try await fixture.show(new) == shown)
      #expect(try await fixture.standings([former, new]) == [.former, .current])
      try await fixture.finish()
      #expect(try await fixture.show(new) == shown)
      #expect(try await fixture.pid(annAtWork, create: false) == new)
    }
  }

  @Test(
    "who was forgotten by either is forgotten under both, and stays so after the end",
    arguments: VaultFixture.Moment.allCases, [true, false])
  func forget(moment: VaultFixture.Moment, byNew: Bool) async throws {
    try await VaultFixture.run { fixture async throws in
      let former = try await fixture.pid(ann)
      let other = try await fixture.pid(ben)
      try await fixture.link(ann, mobile)
      try await fixture.go(to: moment)
      let asked =
        byNew && moment != .pending ? try await fixture.next(of: former) : former
      let reply = try await fixture.forget(asked)
      #expect(reply.identifiersRemoved == 2 && reply.keyDestroyed)
      #expect(try await fixture.forget(asked) == reply)
      if moment == .pending { try await fixture.advance(.dualWrite) }
      let renamings = try await fixture.renamings().renamings.filter { $0.formerPid != other }
      #expect(renamings.count == 2)
      let names = renamings.flatMap { [$0.formerPid, $0.pid] }
      #expect(try await fixture.standings(names).allSatisfy { $0 == .forgotten })
      #expect(try await fixture.subjectKeys(names).allSatisfy(\.forgotten))
      for identifier in [ann, mobile] {
        #expect(
          try await fixture.pseudonymize([identifier])
            == [Pseudonym(refusal: VaultRefusal.forgotten.description)])
      }
      try await fixture.finish()
      #expect(try await fixture.show(asked) == ShowReply(forgotten: true))
      for identifier in [ann, mobile] {
        #expect(
          try await fixture.pseudonymize([identifier])
            == [Pseudonym(refusal: VaultRefusal.forgotten.description)])
      }
      #expect(await fixture.measure("people") == 1)
    }
  }

  @Test("whoever was erased before a rotation is recorded by no late batch after it")
  func erasedBefore() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(ann)
      try await fixture.link(ann, mobile)
      _ = try await fixture.pid(ben)
      try await fixture.forget(pid)
      for _ in 0..<2 {
        try await fixture.begin()
        try await fixture.finish()
      }
      let late = try await fixture.pseudonymize([ann, mobile, ben, email("new@example.com")])
      #expect(late[0] == Pseudonym(refusal: VaultRefusal.forgotten.description))
      #expect(late[1] == late[0])
      #expect(late[2].known && late[3].known)
      #expect(await fixture.measure("people") == 2)
      await #expect(throws: VaultRefusal.forgotten) { try await fixture.link(ben, mobile) }
      await #expect(throws: VaultRefusal.forgotten) { try await fixture.link(ann, annAtWork) }
    }
  }

  @Test("people are merged and split under either name", arguments: VaultFixture.Moment.allCases)
  func merging(moment: VaultFixture.Moment) async throws {
    try await VaultFixture.run { fixture async throws in
      var pid = try await fixture.pid(ann)
      var work = try await fixture.pid(annAtWork)
      _ = try await fixture.pid(ben)
      try await fixture.go(to: moment)
      if moment != .pending { work = try await fixture.next(of: work) }
      try await fixture.merge(work, into: pid)
      let key = try await fixture.subjectKeys([pid])
      try await fixture.finish()
      pid = try await fixture.pid(ann)
      #expect(try await fixture.pid(annAtWork) == pid)
      #expect(try await fixture.subjectKeys([pid]) == key)
      #expect(try await fixture.show(pid).identifiers.map(\.mergedBy) == ["", "crm:merge"])
      // And apart again in the next one.
      try await fixture.go(to: moment)
      let merges = try fixture.store.read { try $0.keys(VaultTables.aliases) }
      try await fixture.split(merges[0].bytes)
      try await fixture.finish()
      let apart = try await fixture.pseudonymize([ann, annAtWork]).map(\.pid)
      #expect(Set(apart).count == 2)
      for pid in apart { #expect(try await fixture.show(pid).identifiers.count == 1) }
    }
  }

  @Test("identifiers that pass from one person to another behind the walk are computed too")
  func mergedWhileComputing() async throws {
    try await VaultFixture.run { fixture async throws in
      let people = (0..<100).map { email("p\($0)@example.com") }
      let sorted = try await fixture.pseudonymize(people).map(\.pid).sorted {
        $0.lexicographicallyPrecedes($1)
      }
      try await fixture.link(people[0], mobile)
      try await fixture.begin()
      // The first 64 are computed, the last one is not.
      _ = try await fixture.vault.rotation.work()
      try await fixture.merge(sorted[99], into: sorted[0])
      try await fixture.finish()
      let after = try await fixture.pseudonymize(people).map(\.pid)
      #expect(Set(after).count == 99)
      #expect(Set(after).isDisjoint(with: sorted))
      #expect(await fixture.measure("people") == 99)
    }
  }

  @Test("a shared identifier stays one", arguments: VaultFixture.Moment.allCases)
  func shared(moment: VaultFixture.Moment) async throws {
    try await VaultFixture.run { fixture async throws in
      _ = try await fixture.pid(ann)
      #expect(try await fixture.markShared(ann))
      // Of somebody who is not known yet.
      #expect(try await fixture.markShared(mobile))
      try await fixture.go(to: moment)
      #expect(try await !fixture.markShared(ann))
      #expect(try await !fixture.markShared(mobile))
      await #expect(throws: VaultRefusal.sharedIdentifier) {
        try await fixture.link(ann, annAtWork)
      }
      #expect(try await fixture.markShared(annAtWork))
      try await fixture.finish()
      for identifier in [ann, mobile, annAtWork] {
        #expect(try await !fixture.markShared(identifier))
      }
      let other = try await fixture.pseudonymize([ben, mobile]).map(\.pid)
      await #expect(throws: VaultRefusal.sharedIdentifier) {
        try await fixture.merge(other[1], into: other[0])
      }
      for identifier in [ann, mobile, annAtWork] {
        #expect(try await fixture.markShared(identifier, false))
        #expect(try await !fixture.markShared(identifier, false))
      }
      try await fixture.link(ann, annAtWork)
    }
  }

  @Test(
    "who asks what is held is told both pids, and gets the same",
    arguments: VaultFixture.Moment.withTwoNames)
  func holdings(moment: VaultFixture.Moment) async throws {
    try await VaultFixture.run(isSigning: true) { fixture async throws in
      let (former, new) = try await twoNames(fixture, moment)
      for pid in [former, new] {
        let (part, pids) = try await fixture.holdings(pid: pid)
        #expect(pids.count == 4 && Set(pids).isSuperset(of: [former, new]))
        #expect(try part.sections().contains { $0.name == "vault.identifiers" })
      }
      #expect(Set(try await fixture.holdings(ann).pids).isSuperset(of: [former, new]))
      try await fixture.finish()
      #expect(try await !fixture.holdings(ann).pids.contains(former))
    }
  }

  @Test(
    "a case that was opened by a former pid is answered, and is found after the end",
    arguments: [false, true])
  func cases(afterTheEnd: Bool) async throws {
    try await VaultFixture.run(isSigning: true) { fixture async throws in
      let former = try await fixture.pid(ann)
      let (opened, token) = try await fixture.ask([former])
      try await fixture.approve(opened.id, by: People.ben)
      try await fixture.approve(opened.id, by: People.cleo)
      try await fixture.go(to: .dualReadMoved)
      if afterTheEnd { try await fixture.finish() }
      let people = try await fixture.redeem(opened.id, token)
      #expect(people.map(\.known) == [true])
      #expect(people.flatMap(\.identifiers).map(\.value) == ["ann@example.com"])
      if !afterTheEnd { try await fixture.finish() }
      let part = try await fixture.holdings(ann).part
      #expect(try part.sections().contains { $0.name == "vault.cases" })
    }
  }

  @Test(
    "a service counts the rows of a person under both", arguments: VaultFixture.Moment.withTwoNames)
  func unknownStaysUnknown(moment: VaultFixture.Moment) async throws {
    try await VaultFixture.run { fixture async throws in
      _ = try await twoNames(fixture, moment)
      let stranger = [UInt8](repeating: 7, count: 32)
      #expect(try await fixture.standings([stranger]) == [.unspecified])
      #expect(try await fixture.subjectKeys([stranger]) == [SubjectKey()])
      await #expect(throws: VaultRefusal.unknownPerson) { try await fixture.show(stranger) }
      let lookedUp = try await fixture.pseudonymize([ben], create: false)
      #expect(lookedUp.map(\.known) == [false])
    }
  }
}
