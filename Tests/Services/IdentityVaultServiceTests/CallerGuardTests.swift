internal import AuditLog
internal import IdentityVaultService
internal import PrivacyCore
internal import RPC
internal import TestSupport
internal import Testing
internal import Transport
internal import VaultAPI

extension VaultFixture {
  /// Looks people up as somebody.
  @discardableResult
  func lookUp(
    _ identifiers: [Identifier], create: Bool = false, by peer: PeerIdentity = People.ben
  ) async throws -> [Pseudonym] {
    try await vault.pseudonymize(
      PseudonymizeRequest(identifiers: identifiers, create: create),
      context: context(VaultMethods.pseudonymize, of: peer)
    ).pseudonyms
  }
}

/// `count` addresses of a series.
private func addresses(_ count: Int, from first: Int = 0) -> [Identifier] {
  (first..<first + count).map { email("guess\($0)@example.com") }
}

private func vaultConfiguration(_ limits: String) throws -> IdentityVaultConfiguration {
  var configuration = IdentityVaultConfiguration()
  configuration.singleLimits = try #require(CallerLimits(text: limits))
  return configuration
}

@Suite("What callers may ask for")
struct CallerGuardTests {
  @Test("whoever may look up may not record, and the pid is the same for both")
  func rights() async throws {
    try await VaultFixture.run { fixture async throws in
      let pipeline = try PeerIdentity.service("pipeline")
      await #expect(throws: VaultRefusal.createNotAllowed) {
        try await fixture.lookUp(addresses(1), create: true)
      }
      #expect(await fixture.measure("people") == 0)
      let recorded = try await fixture.lookUp(addresses(1), create: true, by: pipeline)
      #expect(try await fixture.lookUp(addresses(1)) == recorded)
    }
  }

  @Test("batches are for callers that own them", arguments: [100, 101])
  func batches(count: Int) async throws {
    try await VaultFixture.run { fixture async throws in
      let pipeline = try PeerIdentity.service("pipeline")
      #expect(try await fixture.lookUp(addresses(count), by: pipeline).count == count)
      if count <= CallerLimits.identifiersPerSingleCallMax {
        #expect(try await fixture.lookUp(addresses(count)).count == count)
      } else {
        await #expect(throws: VaultRefusal.batchNotOwned) {
          try await fixture.lookUp(addresses(count))
        }
      }
    }
  }

  @Test("a caller has a burst, then its rate; another caller has its own")
  func rate() async throws {
    try await VaultFixture.run(configuration: vaultConfiguration("2:5:1000")) {
      fixture async throws in
      try await fixture.lookUp(addresses(5))
      await #expect(throws: VaultRefusal.tooFast(retryAfterMs: 500)) {
        try await fixture.lookUp(addresses(1))
      }
      try await fixture.lookUp(addresses(5), by: People.cleo)
      fixture.time.advance(microseconds: 499_999)
      await #expect(throws: VaultRefusal.tooFast(retryAfterMs: 1)) {
        try await fixture.lookUp(addresses(1))
      }
      fixture.time.advance(microseconds: 1)
      try await fixture.lookUp(addresses(1))
      fixture.time.advance(microseconds: 3_600_000_000)
      await #expect(throws: VaultRefusal.beyondBurst(limit: 5)) {
        try await fixture.lookUp(addresses(6))
      }
      try await fixture.lookUp(addresses(5))
      #expect(await fixture.measure("refused_for_rate") == 3)
    }
  }

  @Test("a day has as many distinct identifiers as the budget says; the same ones again are free")
  func budget() async throws {
    try await VaultFixture.run(configuration: vaultConfiguration("1000:1000:10")) {
      fixture async throws in
      try await fixture.lookUp(addresses(8))
      try await fixture.lookUp(addresses(8))
      await #expect(throws: VaultRefusal.dayIsSpent(limit: 10)) {
        try await fixture.lookUp(addresses(3, from: 8))
      }
      try await fixture.lookUp(addresses(2, from: 8))
      try await fixture.lookUp(addresses(10))
      for _ in 0..<2 {
        await #expect(throws: VaultRefusal.dayIsSpent(limit: 10)) {
          try await fixture.lookUp(addresses(1, from: 10))
        }
      }
      #expect(try fixture.auditedActions() == ["vault.alarm"], "one alarm a day")
      #expect(await fixture.measure("refused_for_budget") == 3)
      fixture.time.advance(microseconds: 86_400_000_000)
      try await fixture.lookUp(addresses(10, from: 20))
    }
  }

  @Test("a restart forgets no charge, nor does a clock that is set back", arguments: [10, 1_000])
  func budgetAfterRestart(limit: Int) async throws {
    try await withTemporaryDirectory { directory async throws in
      let configuration = try vaultConfiguration("1000:1000:\(limit)")
      try await VaultFixture.run(in: directory, configuration: configuration) {
        fixture async throws in
        for start in stride(from: 0, to: limit, by: 10) {
          try await fixture.lookUp(addresses(10, from: start))
          fixture.time.advance(microseconds: 1_000_000)
        }
      }
      try await VaultFixture.run(in: directory, configuration: configuration) {
        fixture async throws in
        await #expect(throws: VaultRefusal.dayIsSpent(limit: limit)) {
          try await fixture.lookUp(addresses(1, from: limit))
        }
        fixture.time.jump(to: fixture.time.now.advanced(byMicroseconds: -86_400_000_000))
        await #expect(throws: VaultRefusal.dayIsSpent(limit: limit)) {
          try await fixture.lookUp(addresses(1, from: limit), by: People.ben)
        }
      }
    }
  }

  @Test("callers at once cannot spend more than the day has")
  func race() async throws {
    try await VaultFixture.run(configuration: vaultConfiguration("1000:1000:10")) {
      fixture async throws in
      let answered = await withTaskGroup(of: Bool.self) { group in
        for number in 0..<40 {
          group.addTask { (try? await fixture.lookUp(addresses(1, from: number))) != nil }
        }
        return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(answered == 10)
    }
  }

  @Test("a budget too large to count exactly ends within 3 % of it")
  func estimatedBudget() async throws {
    try await VaultFixture.run(configuration: vaultConfiguration("1000000:1000000:6000")) {
      fixture async throws in
      var answered = 0
      await #expect(throws: VaultRefusal.dayIsSpent(limit: 6_000)) {
        while answered < 10_000 {
          answered += try await fixture.lookUp(addresses(100, from: answered)).count
        }
      }
      #expect((5_820...6_180).contains(answered), "\(answered)")
    }
  }

  @Test("the largest limits and the longest pauses count right")
  func largest() async throws {
    try await VaultFixture.run(
      configuration: vaultConfiguration("100000000:1000000000:10000000000")
    ) {
      fixture async throws in
      try await fixture.lookUp(addresses(100))
      fixture.time.advance(microseconds: Int64.max / 4)
      try await fixture.lookUp(addresses(100))
    }
  }

  @Test("as many callers as the limit says are told apart in a day")
  func callers() async throws {
    try await VaultFixture.run { fixture async throws in
      let limit = CallerLimits.callerCountMax
      for number in 0..<limit {
        try await fixture.lookUp([], by: People.person("privacy", "p\(number)"))
      }
      let another = People.person("privacy", "another")
      await #expect(throws: VaultRefusal.tooManyCallers(limit: limit)) {
        try await fixture.lookUp([], by: another)
      }
      try await fixture.lookUp([], by: People.person("privacy", "p0"))
      #expect(await fixture.measure("callers") == Double(limit))
      fixture.time.advance(microseconds: 86_400_000_000)
      try await fixture.lookUp([], by: another)
      #expect(await fixture.measure("callers") == 1)
    }
  }

  @Test("linking counts as looking up: it shows who is known")
  func link() async throws {
    try await VaultFixture.run(configuration: vaultConfiguration("1000:1000:3")) {
      fixture async throws in
      func link(_ number: Int) async throws {
        _ = try await fixture.vault.link(
          LinkRequest(
            primary: email("nobody\(number)@example.com"), alias: email("a\(number)@example.com"),
            provenance: "crm:merge"),
          context: fixture.context(VaultMethods.link, of: People.ben))
      }
      await #expect(throws: VaultRefusal.primaryUnknown) { try await link(1) }
      await #expect(throws: VaultRefusal.dayIsSpent(limit: 3)) { try await link(2) }
    }
  }

  @Test("limits out of their ranges stop the start; their texts are read back")
  func configuration() throws {
    for text in [
      "0:1:1", "1:0:1", "1:1:0", "100000001:1:1", "1:1000000001:1", "1:1:10000000001", "1:1:1:0",
      "1:1:1:100",
    ] {
      #expect(try #require(CallerLimits(text: text)).fault != nil, "\(text)")
    }
    for text in [
      "1:1:1", "100000000:1000000000:10000000000", "1:1:1:1", "1:1:1:99",
    ] {
      let limits = try #require(CallerLimits(text: text))
      #expect(limits.fault == nil && limits.text == text)
    }
    for text in ["", "1:1", "1:1:1:1:1", "a:1:1", "1:1:1:"] {
      #expect(CallerLimits(text: text) == nil, "\(text)")
    }
    #expect(CallerLimits.single.fault == nil && CallerLimits.batch.fault == nil)
  }
}

@Suite("A dictionary attack")
struct DictionaryAttackTests {
  /// Looks up one guess after the other, as fast as it is let, for so long; answers what it learned.
  private func attack(
    _ fixture: VaultFixture, guesses: Int, hours: Int, knownEach: Int
  ) async throws -> (answered: Int, found: Int) {
    var answered = 0
    var found = 0
    var next = 0
    let end = fixture.time.monotonicMicroseconds + Int64(hours) * 3_600_000_000
    while next < guesses, fixture.time.monotonicMicroseconds < end {
      // Known ones among the guesses keep the ratio of misses where the attacker wants it.
      let batch = (next..<min(guesses, next + 100)).map { number in
        number.isMultiple(of: knownEach)
          ? email("customer\(number / knownEach)@example.com") : email("guess\(number)@example.com")
      }
      do {
        let reply = try await fixture.lookUp(batch)
        answered += reply.count
        found += reply.count { $0.known }
        next += batch.count
      } catch VaultRefusal.dayIsSpent {
        return (answered, found)
      } catch is VaultRefusal {
        fixture.time.advance(microseconds: 60_000_000)
      }
    }
    return (answered, found)
  }

  @Test("who guesses is found out by the misses, and gets a hundred guesses each few minutes")
  func guessing() async throws {
    try await VaultFixture.run { fixture async throws in
      for number in 0..<10 { _ = try await fixture.pid(email("customer\(number)@example.com")) }
      // A dictionary of which one in a hundred is a customer.
      let learned = try await attack(fixture, guesses: 100_000, hours: 1, knownEach: 100)
      #expect(learned.answered <= 13 * 100, "\(learned)")
      let alarms = try fixture.auditedActions().filter { $0 == "vault.alarm" }
      #expect(!alarms.isEmpty)
      let log = "\(try fixture.audit.records(limit: 1_000))"
      #expect(log.contains(People.ben.spiffeID) && !log.contains("example.com"))
      #expect(await fixture.measure("refused_for_misses") ?? 0 > 0)
      try await fixture.lookUp(addresses(1), by: People.cleo)
    }
  }

  @Test("who hides the misses among people known is stopped by the day's budget")
  func hiding() async throws {
    try await VaultFixture.run(configuration: vaultConfiguration("50:500:500:50")) {
      fixture async throws in
      for number in 0..<1_000 { _ = try await fixture.pid(email("customer\(number)@example.com")) }
      let learned = try await attack(fixture, guesses: 100_000, hours: 24, knownEach: 1)
      #expect(learned.answered == 500, "\(learned)")
    }
  }

  @Test("misses are judged from a hundred look-ups on, and from the percentage on")
  func threshold() async throws {
    try await VaultFixture.run { fixture async throws in
      for number in 0..<51 { _ = try await fixture.pid(email("customer\(number)@example.com")) }
      let known = (0..<51).map { email("customer\($0)@example.com") }
      try await fixture.lookUp(addresses(99))
      try await fixture.lookUp(addresses(1), by: People.cleo)
      #expect(try !fixture.auditedActions().contains("vault.alarm"))
      try await fixture.lookUp(addresses(1))
      #expect(try fixture.auditedActions().last == "vault.alarm")
      await #expect(throws: VaultRefusal.guessing) { try await fixture.lookUp([known[0]]) }
      // One in two is enough, a little less is not.
      try await fixture.lookUp(known + addresses(49), by: People.annInPrivacy)
      try await fixture.lookUp([known[0]], by: People.annInPrivacy)
      let fifty = Array(known.prefix(50)) + addresses(50)
      try await fixture.lookUp(fifty, by: People.dan)
      await #expect(throws: VaultRefusal.guessing) {
        try await fixture.lookUp([known[0]], by: People.dan)
      }
      fixture.time.advance(microseconds: 2 * CallerLimits.missWindowMicroseconds)
      try await fixture.lookUp([known[0]])
    }
  }

  @Test("ingest looks up as many new people as there are")
  func ingest() async throws {
    try await VaultFixture.run { fixture async throws in
      let pipeline = try PeerIdentity.service("pipeline")
      for start in stride(from: 0, to: 20_000, by: 4_000) {
        try await fixture.lookUp(addresses(4_000, from: start), by: pipeline)
      }
      #expect(try fixture.auditedActions().isEmpty)
    }
  }
}

@Suite("Counting distinct identifiers")
struct DistinctSketchTests {
  private static func pid(_ random: inout SplitMix64) -> PseudonymousID? {
    PseudonymousID(
      bytes: (0..<4).flatMap { _ in
        let word = random.next()
        return (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
      })
  }

  @Test(
    "exact up to 4,096, within 3 % beyond, and the same after it was stored",
    arguments: [0, 1, 4_096, 4_097, 20_000, 60_000, 300_000])
  func count(distinct: Int) throws {
    var random = SplitMix64(seed: 42)
    var sketch = DistinctSketch()
    for _ in 0..<distinct {
      let pid = try #require(Self.pid(&random))
      sketch.insert(pid)
      sketch.insert(pid)
    }
    if distinct <= DistinctSketch.exactCountMax {
      #expect(sketch.count == distinct)
    } else {
      #expect(abs(Double(sketch.count - distinct)) <= 0.03 * Double(distinct), "\(sketch.count)")
    }
    let again = try #require(DistinctSketch(packed: sketch.packed))
    #expect(again.count == sketch.count)
    #expect(sketch.packed.count <= 1 + 8 * DistinctSketch.exactCountMax)
  }

  @Test("bytes that no sketch wrote are refused")
  func damaged() {
    #expect(DistinctSketch(packed: []) == nil)
    #expect(DistinctSketch(packed: [0, 1]) == nil)
    #expect(DistinctSketch(packed: [1, 0]) == nil)
    #expect(DistinctSketch(packed: [2]) == nil)
    #expect(DistinctSketch(packed: [1] + [UInt8](repeating: 52, count: 1 << 14)) == nil)
    #expect(DistinctSketch(packed: [1] + [UInt8](repeating: 51, count: 1 << 14)) != nil)
  }
}
