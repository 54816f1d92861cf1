internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import TestSupport
internal import Testing
internal import VaultAPI

@Suite("Linking identifiers")
struct LinkTests {
  @Test("both identifiers give the first one's pid; linking again changes nothing")
  func link() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("ann@example.com"))
      let own = try await fixture.pid(phone("+49 170 1234567"), create: false)
      let first = try await fixture.link(email("ann@example.com"), phone("+49 170 1234567"))
      #expect(first == LinkReply(pid: pid, created: true))
      let second = try await fixture.link(email("ann@example.com"), phone("+49 170 1234567"))
      #expect(second == LinkReply(pid: pid, created: false))
      #expect(try await fixture.pid(phone("0170 1234567", region: "DE")) == pid)
      let shown = try await fixture.show(pid)
      #expect(shown.identifiers.map(\.kind) == [.email, .phone])
      #expect(shown.identifiers.last?.provenance == "crm:merge")
      #expect(shown.hasSubjectKey)
      #expect(try await fixture.show(own) == shown)
      #expect(try await fixture.subjectKeys([own]) == fixture.subjectKeys([pid]))
    }
  }

  @Test("a third identifier can be linked through the second")
  func chain() async throws {
    try await VaultFixture.run { fixture async throws in
      let pid = try await fixture.pid(email("ann@example.com"))
      try await fixture.link(email("ann@example.com"), email("a.smith@example.com"))
      try await fixture.link(email("a.smith@example.com"), phone("+49 170 1234567"))
      #expect(try await fixture.pid(phone("+49 170 1234567")) == pid)
      #expect(await fixture.measure("people") == 1)
    }
  }

  @Test("strangers, other people's identifiers and bad ones are not linked")
  func refusals() async throws {
    try await VaultFixture.run { fixture async throws in
      _ = try await fixture.pseudonymize([email("ann@example.com"), email("ben@example.com")])
      await #expect(throws: VaultRefusal.primaryUnknown) {
        try await fixture.link(email("nobody@example.com"), email("new@example.com"))
      }
      await #expect(throws: VaultRefusal.mergeNeeded) {
        try await fixture.link(email("ann@example.com"), email("ben@example.com"))
      }
      await #expect(throws: VaultRefusal.primaryRefused(.emailWithoutAt)) {
        try await fixture.link(email("ann"), email("new@example.com"))
      }
      await #expect(throws: VaultRefusal.aliasRefused(.phoneRegionMissing)) {
        try await fixture.link(email("ann@example.com"), phone("030 1234567"))
      }
      await #expect(throws: VaultRefusal.primaryMissing) {
        try await fixture.link(nil, email("new@example.com"))
      }
      await #expect(throws: VaultRefusal.aliasMissing) {
        try await fixture.link(email("ann@example.com"), nil)
      }
      #expect(await fixture.measure("aliases") == 0)
      #expect(try fixture.auditedActions() == ["vault.record"])
    }
  }

  @Test(
    "the provenance is 1 to 256 bytes and holds no identifier",
    arguments: ["", String(repeating: "p", count: 257), "ann@example.com", "+49 170 1234567"])
  func provenance(text: String) async throws {
    try await VaultFixture.run { fixture async throws in
      _ = try await fixture.pid(email("ann@example.com"))
      await #expect(throws: VaultRefusal.self) {
        try await fixture.link(
          email("ann@example.com"), email("new@example.com"), provenance: text)
      }
    }
  }

  @Test("a person has as many identifiers as the limit says")
  func limit() async throws {
    var configuration = IdentityVaultConfiguration()
    configuration.identifiersPerPersonMax = 2
    try await VaultFixture.run(configuration: configuration) { fixture async throws in
      _ = try await fixture.pid(email("ann@example.com"))
      try await fixture.link(email("ann@example.com"), email("second@example.com"))
      await #expect(throws: VaultRefusal.tooManyLinks(limit: 2)) {
        try await fixture.link(email("ann@example.com"), email("third@example.com"))
      }
    }
  }

  @Test("nobody has an unknown pid, and a pid has 32 bytes")
  func show() async throws {
    try await VaultFixture.run { fixture async throws in
      await #expect(throws: VaultRefusal.unknownPerson) {
        try await fixture.show([UInt8](repeating: 1, count: 32))
      }
      for byteCount in [0, 31, 33] {
        await #expect(throws: VaultRefusal.malformedPID) {
          try await fixture.show([UInt8](repeating: 1, count: byteCount))
        }
      }
    }
  }
}
