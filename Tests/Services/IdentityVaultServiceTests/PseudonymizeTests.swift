internal import AuditLog
internal import IdentityVaultService
internal import PrivacyCore
internal import TestSupport
internal import Testing
internal import VaultAPI

@Suite("Pseudonymizing")
struct PseudonymizeTests {
  @Test("all spellings of an identifier give one pid, and one person")
  func spellings() async throws {
    try await VaultFixture.run { fixture async throws in
      let pseudonyms = try await fixture.pseudonymize([
        email("Ann@Example.com"), email(" ann@example.com "), email("ANN@EXAMPLE.COM"),
      ])
      #expect(Set(pseudonyms.map(\.pid)).count == 1)
      #expect(pseudonyms.allSatisfy { $0.known && $0.pid.count == PseudonymousID.byteCount })
      #expect(await fixture.measure("people") == 1)
    }
  }

  @Test("what is refused says why without the value, and does not touch its neighbours")
  func refusals() async throws {
    let bad = [
      email("ann.example.com"), email("ann@@example.com"), phone("030 1234567"),
      phone("+49 CALL ME"), Identifier(kind: .customerNumber, value: "471"),
      Identifier(value: "ann@example.com"), email(""),
    ]
    try await VaultFixture.run { fixture async throws in
      let pseudonyms = try await fixture.pseudonymize(
        [email("ann@example.com")] + bad + [phone("030 1234567", region: "DE")])
      #expect(pseudonyms.count == bad.count + 2)
      #expect(pseudonyms.first?.known == true)
      #expect(pseudonyms.last?.known == true)
      for (identifier, pseudonym) in zip(bad, pseudonyms.dropFirst()) {
        #expect(pseudonym.pid.isEmpty && !pseudonym.known)
        #expect(!pseudonym.refusal.isEmpty)
        if !identifier.value.isEmpty { #expect(!pseudonym.refusal.contains(identifier.value)) }
      }
      #expect(await fixture.measure("people") == 2)
    }
  }

  @Test("without `create` nobody is recorded, and the pid is the same as with it")
  func lookUp() async throws {
    try await VaultFixture.run { fixture async throws in
      let first = try #require(
        try await fixture.pseudonymize([email("ann@example.com")], create: false).first)
      #expect(!first.known)
      #expect(await fixture.measure("people") == 0)
      #expect(try await fixture.pid(email("ann@example.com")) == first.pid)
      let again = try await fixture.pseudonymize([email("ann@example.com")], create: false)
      #expect(again.first?.known == true)
    }
  }

  @Test("a person has another pid in each domain; an unknown domain is refused")
  func domains() async throws {
    var configuration = IdentityVaultConfiguration()
    configuration.domains = ["shop", "newsletter"]
    try await VaultFixture.run(configuration: configuration) { fixture async throws in
      let shop = try await fixture.pid(email("ann@example.com"), domain: "shop")
      #expect(try await fixture.pid(email("ann@example.com")) == shop)
      #expect(try await fixture.pid(email("ann@example.com"), domain: "newsletter") != shop)
      await #expect(throws: VaultRefusal.unknownDomain) {
        try await fixture.pid(email("ann@example.com"), domain: "nosuch")
      }
    }
  }

  @Test("a batch holds as many identifiers as the limit says", arguments: [3, 4])
  func batchLimit(count: Int) async throws {
    var configuration = IdentityVaultConfiguration()
    configuration.identifiersPerBatchMax = 3
    try await VaultFixture.run(configuration: configuration) { fixture async throws in
      let batch = (0..<count).map { email("ann\($0)@example.com") }
      do {
        let pseudonyms = try await fixture.pseudonymize(batch)
        #expect(count <= 3 && pseudonyms.count == count)
      } catch {
        #expect(count > 3)
        #expect(error as? VaultRefusal == .tooManyIdentifiers(limit: 3))
      }
    }
  }

  @Test("the audit log says how many were recorded, and never who")
  func audited() async throws {
    try await VaultFixture.run { fixture async throws in
      _ = try await fixture.pseudonymize([email("ann@example.com"), email("ben@example.com")])
      _ = try await fixture.pseudonymize([email("ann@example.com")])
      let records = try fixture.audit.records(limit: 10)
      #expect(try fixture.auditedActions() == ["vault.record"])
      #expect(!"\(records)".contains("example.com"))
    }
  }
}

@Suite("Restarting the vault")
struct VaultRestartTests {
  @Test("everybody keeps the pid, and is known")
  func keepsPids() async throws {
    try await withTemporaryDirectory { directory async throws in
      var before: [UInt8] = []
      try await VaultFixture.run(in: directory) { before = try await $0.pid(email("a@b.example")) }
      try await VaultFixture.run(in: directory) { fixture async throws in
        let after = try await fixture.pseudonymize([email("a@b.example")], create: false)
        #expect(after == [Pseudonym(pid: before, known: true)])
      }
    }
  }

  @Test("a start that would give everybody another pid is refused")
  func otherPids() async throws {
    try await withTemporaryDirectory { directory async throws in
      try await VaultFixture.run(in: directory) { _ in }
      var otherProfile = IdentityVaultConfiguration()
      otherProfile.emailProfile = .emailUID2
      var otherTenant = IdentityVaultConfiguration()
      otherTenant.tenant = "acme"
      for configuration in [otherProfile, otherTenant] {
        await #expect(throws: VaultSetupError.self) {
          try await VaultFixture.run(in: directory, configuration: configuration) { _ in }
        }
      }
      var oneMoreDomain = IdentityVaultConfiguration()
      oneMoreDomain.domains.append("newsletter")
      try await VaultFixture.run(in: directory, configuration: oneMoreDomain) { _ in }
    }
  }
}
