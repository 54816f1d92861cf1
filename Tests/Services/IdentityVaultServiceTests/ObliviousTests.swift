internal import AuditAPI
internal import AuditLog
internal import Cryptography
internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI

@Suite("Pids for partners, without showing whose")
struct ObliviousTests {
  private static var configuration: IdentityVaultConfiguration {
    var configuration = IdentityVaultConfiguration()
    configuration.obliviousDomains = ["acme", "globex"]
    return configuration
  }

  private func partner(_ name: String) throws -> PeerIdentity {
    try .user(role: "partner", name: name)
  }

  private func key(
    _ fixture: VaultFixture, domain: String = "acme", kind: IdentifierKind = .email,
    of peer: PeerIdentity = .local
  ) async throws -> ObliviousKeyReply {
    try await fixture.vault.obliviousKey(
      ObliviousKeyRequest(domain: domain, kind: kind),
      context: fixture.context(VaultMethods.obliviousKey, of: peer))
  }

  private func evaluate(
    _ fixture: VaultFixture, _ blinded: [[UInt8]], domain: String = "acme",
    kind: IdentifierKind = .email, keyVersion: UInt32 = 0, of peer: PeerIdentity = .local
  ) async throws -> BlindEvaluateReply {
    try await fixture.vault.blindEvaluate(
      BlindEvaluateRequest(
        domain: domain, kind: kind, blinded: blinded, keyVersion: keyVersion),
      context: fixture.context(VaultMethods.blindEvaluate, of: peer))
  }

  /// What a partner does with identifiers of one kind.
  private func pids(
    _ fixture: VaultFixture, _ identifiers: [Identifier], domain: String = "acme",
    of peer: PeerIdentity = .local
  ) async throws -> [[UInt8]] {
    let kind = try #require(identifiers.first).kind
    let key = try await key(fixture, domain: domain, kind: kind, of: peer)
    let profile = try #require(CanonicalProfile(rawValue: key.profile))
    let batch = try ObliviousBatch(
      identifiers.map { try CanonicalIdentifier($0, emailProfile: profile).authenticatedBytes },
      random: SystemRandom())
    let reply = try await evaluate(
      fixture, batch.blinded.map(\.bytes), domain: domain, kind: kind,
      keyVersion: key.keyVersion, of: peer)
    return try batch.finalize(
      reply.evaluated.map { try ObliviousElement(bytes: $0) }, proof: reply.proof,
      publicKey: ObliviousPublicKey(bytes: key.publicKey))
  }

  @Test("a partner gets the pids that the vault itself gives in that domain, for every kind")
  func samePids() async throws {
    try await VaultFixture.run(configuration: Self.configuration) { fixture async throws in
      let kinds: [[Identifier]] = [
        [email("Ann@Example.com"), email("ben@example.com")],
        [phone("030 1234567", region: "DE")],
        [Identifier(kind: .customerNumber, value: "000471", qualifier: "shop")],
      ]
      for identifiers in kinds {
        let own = try await fixture.pseudonymize(identifiers, domain: "acme", create: false)
        #expect(try await pids(fixture, identifiers) == own.map(\.pid))
        #expect(own.allSatisfy { $0.pid.count == PseudonymousID.byteCount })
      }
      let recorded = try await fixture.pid(email("ann@example.com"), domain: "acme")
      #expect(try await pids(fixture, [email("ANN@example.com")]) == [recorded])
      #expect(try await fixture.show(recorded).hasSubjectKey)
    }
  }

  @Test("a person's pids in two partners' domains and in the vault's own have nothing in common")
  func unlinkable() async throws {
    try await VaultFixture.run(configuration: Self.configuration) { fixture async throws in
      let ann = email("ann@example.com")
      let all = [
        try await fixture.pid(ann), try await pids(fixture, [ann])[0],
        try await pids(fixture, [ann], domain: "globex")[0],
      ]
      #expect(Set(all).count == 3)
      let keys = [
        try await key(fixture), try await key(fixture, domain: "globex"),
        try await key(fixture, kind: .phone), try await key(fixture, kind: .customerNumber),
      ]
      #expect(Set(keys.map(\.publicKey)).count == 4)
      #expect(
        keys.map(\.profile) == [
          "email/v1", "email/v1", "phone/e164-v1", "customer-number/v1",
        ])
    }
  }

  @Test("a partner may ask of the domain with its own name, and needs not say it")
  func partners() async throws {
    try await VaultFixture.run(configuration: Self.configuration) { fixture async throws in
      let acme = try partner("acme")
      let named = try await pids(fixture, [email("ann@example.com")], of: acme)
      #expect(try await pids(fixture, [email("ann@example.com")], domain: "", of: acme) == named)
      for domain in ["globex", "default", "nosuch"] {
        await #expect(throws: ObliviousRefusal.foreignDomain) {
          try await key(fixture, domain: domain, of: acme)
        }
        await #expect(throws: ObliviousRefusal.foreignDomain) {
          try await evaluate(fixture, [], domain: domain, of: acme)
        }
      }
      await #expect(throws: ObliviousRefusal.notOblivious) {
        try await key(fixture, domain: "", of: partner("initech"))
      }
      for domain in ["", "default", "nosuch"] {
        await #expect(throws: ObliviousRefusal.notOblivious) {
          try await key(fixture, domain: domain)
        }
      }
    }
  }

  @Test("malformed points are refused by their number, and nothing is evaluated or logged")
  func malformed() async throws {
    try await VaultFixture.run(configuration: Self.configuration) { fixture async throws in
      let good = try await key(fixture).publicKey
      let bad: [[UInt8]] = [
        [], [0], [UInt8](repeating: 0, count: 33), Array(good.dropLast()), good + [0],
        [4] + good.dropFirst(), [2] + [UInt8](repeating: 0xFF, count: 32),
      ]
      for element in bad {
        await #expect(throws: ObliviousRefusal.malformedElement(number: 2)) {
          try await evaluate(fixture, [good, element, good])
        }
      }
      await #expect(throws: ObliviousRefusal.kindMissing) {
        try await evaluate(fixture, [good], kind: .unspecified)
      }
      await #expect(throws: ObliviousRefusal.keyChanged(version: 1)) {
        try await evaluate(fixture, [good], keyVersion: 2)
      }
      #expect(try fixture.auditedActions().isEmpty)
      #expect(try await evaluate(fixture, [good], keyVersion: 1).evaluated.count == 1)
    }
  }

  @Test("a call holds 1 to 1,024 elements", arguments: [0, 1, 1_024, 1_025])
  func limits(count: Int) async throws {
    let limit = IdentityVaultService.blindedElementsMax
    try await VaultFixture.run(configuration: Self.configuration) { fixture async throws in
      let element = try await key(fixture).publicKey
      do {
        let reply = try await evaluate(fixture, Array(repeating: element, count: count))
        #expect((1...limit).contains(count) && reply.evaluated.count == count)
      } catch {
        #expect(!(1...limit).contains(count))
        #expect(error as? ObliviousRefusal == .elementCount(limit: limit))
      }
    }
  }

  @Test("who asked for how many is in the audit log, and neither elements nor identifiers are")
  func audited() async throws {
    try await VaultFixture.run(configuration: Self.configuration) { fixture async throws in
      let identifiers = (0..<3).map { email("ann\($0)@example.com") }
      _ = try await pids(fixture, identifiers, of: partner("acme"))
      let records = try fixture.audit.records(limit: 10)
      #expect(records.map(\.action) == ["vault.blind_evaluate"])
      #expect(records.map(\.principal) == ["spiffe://tacit/user/partner/acme"])
      let text = "\(records)"
      #expect(text.contains("acme") && text.contains("elements"))
      #expect(!text.contains("example.com"))
      #expect(await fixture.measure("people") == 0)
    }
  }

  @Test("the key stays over a restart, and a domain stays what it began as")
  func restart() async throws {
    try await withTemporaryDirectory { directory async throws in
      var before: [UInt8] = []
      try await VaultFixture.run(in: directory, configuration: Self.configuration) {
        before = try await key($0).publicKey
      }
      try await VaultFixture.run(in: directory, configuration: Self.configuration) {
        fixture async throws in
        #expect(try await key(fixture).publicKey == before)
      }
      var plain = IdentityVaultConfiguration()
      plain.domains.append("acme")
      var oblivious = IdentityVaultConfiguration()
      oblivious.domains = ["first"]
      oblivious.obliviousDomains = ["default"]
      for configuration in [plain, oblivious] {
        await #expect(throws: VaultSetupError.self) {
          try await VaultFixture.run(in: directory, configuration: configuration) { _ in }
        }
      }
    }
  }

  @Test("at most 64 domains of both sorts, no name twice", arguments: [62, 63, 64])
  func domainLimit(count: Int) {
    var configuration = IdentityVaultConfiguration()
    configuration.obliviousDomains = (0..<count).map { "partner\($0)" }
    #expect((configuration.fault == nil) == (count <= 63))
    configuration.obliviousDomains = ["default"]
    #expect(configuration.fault != nil)
  }

  @Test("a partner who guesses is slowed down, and stopped when the day is spent")
  func dictionary() async throws {
    var configuration = Self.configuration
    configuration.partnerLimits = try #require(CallerLimits(text: "100:150:200"))
    try await VaultFixture.run(configuration: configuration) { fixture async throws in
      let acme = try partner("acme")
      let guesses = { (first: Int, count: Int) in
        (first..<first + count).map { phone("+4930\(1_000_000 + $0)") }
      }
      #expect(try await pids(fixture, guesses(0, 150), of: acme).count == 150)
      await #expect(throws: VaultRefusal.self) {
        try await pids(fixture, guesses(150, 1), of: acme)
      }
      fixture.time.advance(microseconds: 2_000_000)
      await #expect(throws: VaultRefusal.dayIsSpent(limit: 200)) {
        try await pids(fixture, guesses(150, 100), of: acme)
      }
      // Somebody else's day is another one.
      let globex = try partner("globex")
      #expect(
        try await pids(fixture, guesses(0, 100), domain: "globex", of: globex).count == 100)
      #expect(try fixture.auditedActions().contains("vault.alarm"))
    }
  }
}
