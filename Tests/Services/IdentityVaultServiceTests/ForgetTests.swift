internal import IdentityVaultService
internal import PrivacyCore
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI

@Suite("Forgetting a person")
struct ForgetTests {
  @Test("identifiers and subject key are gone, for every pid of the person, and after a restart")
  func forget() async throws {
    try await withTemporaryDirectory { directory async throws in
      var pid: [UInt8] = []
      var alias: [UInt8] = []
      try await VaultFixture.run(in: directory) { fixture async throws in
        pid = try await fixture.pid(email("ann@example.com"))
        alias = try await fixture.pid(phone("+49 170 1234567"), create: false)
        try await fixture.link(email("ann@example.com"), phone("+49 170 1234567"))
        // By the alias: it names the same person.
        let reply = try await fixture.forget(alias)
        #expect(reply == ForgetReply(identifiersRemoved: 2, keyDestroyed: true, keyEpoch: 2))
      }
      try await VaultFixture.run(in: directory) { fixture async throws in
        for forgotten in [pid, alias] {
          #expect(try await fixture.show(forgotten) == ShowReply(forgotten: true))
          #expect(try await fixture.subjectKeys([forgotten]) == [SubjectKey(forgotten: true)])
        }
        #expect(await fixture.measure("people") == 0)
        #expect(await fixture.measure("aliases") == 0)
      }
    }
  }

  @Test("asked again it answers as the first time, in one audit entry")
  func again() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("ann@example.com"))
      let first = try await fixture.forget(pid)
      #expect(try await fixture.forget(pid) == first)
      #expect(
        try fixture.auditedActions() == ["vault.record", "vault.forget"])
    }
  }

  @Test("many people are forgotten in one call and one epoch, and whoever is wrong, nobody")
  func many() async throws {
    try await VaultFixture.run { fixture async throws in
      var pids: [[UInt8]] = []
      for name in ["ann", "ben", "cat"] {
        pids.append(try await fixture.pid(email("\(name)@example.com")))
      }
      let alias = try await fixture.pid(phone("+49 170 1234567"), create: false)
      try await fixture.link(email("ann@example.com"), phone("+49 170 1234567"))
      let unknown = try await fixture.pid(email("dan@example.com"), create: false)
      func forget(_ pids: [[UInt8]]) async throws -> [ForgetReply] {
        try await fixture.vault.forgetMany(
          ForgetManyRequest(
            people: pids.map { ForgetRequest(pid: $0, erasureSequence: 7) }),
          context: fixture.context(VaultMethods.forgetMany)
        ).people
      }
      await #expect(throws: VaultRefusal.malformedPID) { try await forget([pids[0], [1]]) }
      #expect(try await fixture.show(pids[0]).forgotten == false)
      let ann = ForgetReply(identifiersRemoved: 2, keyDestroyed: true, keyEpoch: 2)
      let ben = ForgetReply(identifiersRemoved: 1, keyDestroyed: true, keyEpoch: 2)
      let replies = try await forget([pids[0], unknown, pids[1], alias])
      #expect(replies == [ann, ForgetReply(), ben, ann])
      #expect(try await forget([pids[1], pids[0]]) == [ben, ann])
      #expect(try await forget([]).isEmpty)
      for pid in [pids[0], pids[1], alias, unknown] {
        #expect(try await fixture.show(pid).forgotten)
      }
      #expect(try await fixture.show(pids[2]).forgotten == false)
      #expect(try fixture.auditedActions().count { $0 == "vault.forget" } == 3)
    }
  }

  @Test("a person who was forgotten is not recorded or linked again")
  func staysForgotten() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("ann@example.com"))
      _ = try await fixture.pid(email("ben@example.com"))
      try await fixture.forget(pid)
      let refused = try await fixture.pseudonymize([email("Ann@example.com")])
      #expect(refused == [Pseudonym(refusal: VaultRefusal.forgotten.description)])
      let lookedUp = try await fixture.pseudonymize([email("ann@example.com")], create: false)
      #expect(lookedUp == [Pseudonym(pid: pid)])
      await #expect(throws: VaultRefusal.forgotten) {
        try await fixture.link(email("ann@example.com"), email("new@example.com"))
      }
      await #expect(throws: VaultRefusal.forgotten) {
        try await fixture.link(email("ben@example.com"), email("ann@example.com"))
      }
    }
  }

  @Test("somebody unknown can be forgotten before the first record arrives")
  func unknown() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("ann@example.com"), create: false)
      #expect(try await fixture.forget(pid) == ForgetReply())
      #expect(try await fixture.pseudonymize([email("ann@example.com")]).first?.pid == [])
    }
  }
}

@Suite("Subject keys")
struct SubjectKeyTests {
  @Test("each service gets keys of its own, the same ones each time, and people get none")
  func ownKeys() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("ann@example.com"))
      let stranger = [UInt8](repeating: 1, count: 32)
      let features = try PeerIdentity.service("features")
      let keys = try await fixture.subjectKeys([pid, stranger], of: features)
      #expect(keys.map(\.key.count) == [32, 0])
      #expect(try await fixture.subjectKeys([pid, stranger], of: features) == keys)
      let others = try await fixture.subjectKeys([pid], of: PeerIdentity.service("vectors"))
      #expect(others.first?.key != keys.first?.key)
      await #expect(throws: VaultRefusal.notAService) {
        try await fixture.subjectKeys([pid], of: PeerIdentity.user(role: "admin", name: "dev"))
      }
    }
  }

  @Test("two people have different keys")
  func differ() async throws {
    try await VaultFixture.run { fixture async throws in
      let people = [email("ann@example.com"), email("ben@example.com")]
      let pids = try await fixture.pseudonymize(people).map(\.pid)
      let keys = try await fixture.subjectKeys(pids)
      #expect(Set(keys.map(\.key)).count == 2)
    }
  }
}
