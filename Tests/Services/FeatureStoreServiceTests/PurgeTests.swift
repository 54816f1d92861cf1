internal import CommonAPI
internal import FeatureStoreService
internal import FeaturesAPI
internal import Gate
internal import PrivacyCore
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Purging on withdrawal and erasure")
struct PurgeTests {
  /// How many chunks of events and rows there are in the store.
  private func rowCount(_ fixture: FeatureStoreFixture) async -> Double? {
    guard let chunks = await fixture.measure("event_chunks"),
      let rows = await fixture.measure("rows")
    else { return nil }
    return chunks + rows
  }

  @Test("data goes with the last scope it is kept for, and only then")
  func lastScope() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics", "product_recs", "web", "geo")
      let other = try await fixture.grant(person(2), "analytics")
      try await fixture.write([
        fixture.event(person(1), consent, id: "a"), fixture.event(person(2), other, id: "b"),
      ])
      try await fixture.write([fixture.event(person(1), consent, id: "c")], source: "site")
      try await fixture.write([fixture.row(person(1), consent, ["score": .int(1)])])
      #expect(await rowCount(fixture) == 4)
      try await fixture.withdraw(person(1), "analytics")
      // Orders still serve recommendations; the profile still serves geography.
      #expect(await rowCount(fixture) == 4)
      try await fixture.withdraw(person(1), "product_recs")
      #expect(await rowCount(fixture) == 3)
      try await fixture.withdraw(person(1), "web", "geo")
      #expect(await rowCount(fixture) == 1)
      #expect(await fixture.measure("people") == 1)
      // What was purged may come again under a new consent: no trace of the ids was kept.
      let again = try await fixture.grant(person(1), "analytics")
      #expect(try await fixture.write([fixture.event(person(1), again, id: "a")]).written == 1)
    }
  }

  @Test("an objection and a refusal purge like a withdrawal, a restriction keeps what there is")
  func otherKinds() async throws {
    try await withFeatureStore { fixture in
      for (number, kind) in [ConsentChange.Kind.objection, .denial, .restriction].enumerated() {
        let person = person(number + 1)
        let consent = try await fixture.grant(person, "analytics", "product_recs", "web", "geo")
        try await fixture.write([fixture.event(person, consent, id: "a", ["amount": .int(5)])])
        #expect(await rowCount(fixture) == 1)
        let scopes = ["analytics", "product_recs", "web", "geo"]
        if kind == .denial {
          try await fixture.record(kind, person, denied: scopes)
        } else {
          try await fixture.record(kind, person, scopes[0], scopes[1], scopes[2], scopes[3])
        }
        let value = try await fixture.value(person, "purchases:spend")
        #expect(value.status == .withheld)
        #expect(await rowCount(fixture) == (kind == .restriction ? 1 : 0))
        guard kind == .restriction else { continue }
        #expect(value.reason == "analytics: the use is restricted for now")
        try await fixture.record(.restrictionLifted, person, "analytics")
        #expect(try await fixture.value(person, "purchases:spend").status == .present)
      }
    }
  }

  @Test("an erasure takes everything, and nothing of the person is ever written again")
  func erasure() async throws {
    try await withTemporaryDirectory { directory in
      let first = try await FeatureStoreFixture(directory)
      let consent = try await first.grant(person(1), "analytics")
      try await first.write([first.event(person(1), consent, id: "a", ["amount": .int(1)])])
      try await first.write([first.row(person(1), consent, ["score": .int(1)])])
      #expect(try await first.value(person(1), "purchases:spend").status == .present)
      try await first.erase(person(1))
      #expect(await rowCount(first) == 0)
      #expect(await first.measure("people") == 0)
      #expect(await first.measure("cached_people") == 0)
      #expect(
        try await first.value(person(1), "purchases:spend").reason
          == "analytics: the person was erased")
      let late = try await first.write([first.event(person(1), consent, id: "b")])
      #expect(late.written == 0 && late.rejections.count == 1)
      first.store.close()

      // A gate that has lost its memory would admit: the tombstone does not.
      let second = try await FeatureStoreFixture(directory)
      defer { second.store.close() }
      let fresh = try await second.grant(person(1), "analytics")
      let reply = try await second.write([second.event(person(1), fresh, id: "c")])
      #expect(reply.written == 0)
      #expect(reply.rejections.map(\.reason) == ["the person was erased"])
    }
  }

  @Test("after a restart the whole feed comes again and purges nothing twice")
  func replay() async throws {
    try await withTemporaryDirectory { directory in
      let first = try await FeatureStoreFixture(directory)
      let old = try await first.grant(person(1), "analytics")
      try await first.write([first.event(person(1), old, id: "a")])
      try await first.withdraw(person(1), "analytics")
      let new = try await first.grant(person(1), "analytics")
      try await first.write([first.event(person(1), new, id: "b", ["amount": .int(4)])])
      first.store.close()
      let second = try await FeatureStoreFixture(directory, restarting: first)
      defer { second.store.close() }
      #expect(try await second.value(person(1), "purchases:spend").value?.kind == .doubleValue(4))
    }
  }

  @Test("in another epoch of the consent log, earlier positions say nothing")
  func otherEpoch() async throws {
    try await withTemporaryDirectory { directory in
      let first = try await FeatureStoreFixture(directory)
      for _ in 0..<3 { try await first.grant(person(2), "analytics") }
      try await first.withdraw(person(2), "analytics")
      let consent = try await first.grant(person(1), "analytics", "product_recs")
      try await first.write([
        first.event(person(1), consent, id: "a", ["amount": .int(4)])
      ])
      first.store.close()
      // The restored log knows another past: the person's withdrawal stands where purging has been.
      let second = try await FeatureStoreFixture(directory, restarting: first, epoch: 7)
      defer { second.store.close() }
      try await second.grant(person(1), "analytics")
      try await second.withdraw(person(1), "analytics")
      let again = try await second.grant(person(1), "analytics")
      #expect(try await second.value(person(1), "purchases:spend").status == .notFound)
      try await second.write([second.event(person(1), again, id: "b", ["amount": .int(5)])])
      #expect(try await second.value(person(1), "purchases:spend").value?.kind == .doubleValue(5))
    }
  }

  @Test("a person without a key reads as one of whom nothing is known, and takes no writes")
  func destroyedKey() async throws {
    var configuration = FeatureStoreConfiguration()
    configuration.cachedValueCountMax = 0
    try await withFeatureStore(configuration: configuration) { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      try await fixture.write([fixture.event(person(1), consent, id: "a", ["amount": .int(1)])])
      fixture.keys.destroy(person(1))
      #expect(try await fixture.value(person(1), "purchases:spend").status == .notFound)
      let reply = try await fixture.write([fixture.event(person(1), consent, id: "b")])
      #expect(reply.rejections.map(\.reason) == ["the person was erased"])
    }
  }
}
