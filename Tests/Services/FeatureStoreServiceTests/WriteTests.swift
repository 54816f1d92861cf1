internal import CommonAPI
internal import FeatureStoreService
internal import FeaturesAPI
internal import Gate
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import TestSupport
internal import Testing

@Suite("Writing rows and events")
struct WriteTests {
  @Test("an event id is taken once, whatever else the second event says")
  func idempotency() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      let event = fixture.event(person(1), consent, id: "a", ["amount": .double(2)])
      #expect(try await fixture.write([event, event]).duplicates == 1)
      var other = event
      other.eventTimeUs -= 5
      let second = try await fixture.write([other, fixture.event(person(1), consent, id: "b")])
      #expect(second.written == 1 && second.duplicates == 1)
      #expect(try await fixture.value(person(1), "purchases:lines").value?.kind == .intValue(2))
    }
  }

  @Test("events that arrive in any order and any batches give the same features")
  func chunks() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics", "product_recs")
      var events = (0..<700).map { number in
        fixture.event(
          person(1), consent, id: "e\(number)", daysAgo: Int64(number % 80),
          ["amount": .int(1), "item": .string("i\(number % 9)")])
      }
      var generator = SeededGenerator(seed: 3)
      events.shuffle(using: &generator)
      var start = 0
      for size in [1, 100, 27, 1, 300, 271] {
        // Each batch repeats the event before it.
        let batch = Array(events[max(0, start - 1)..<start + size])
        let reply = try await fixture.write(batch)
        #expect(reply.written == UInt32(size) && reply.duplicates == (start > 0 ? 1 : 0))
        start += size
      }
      #expect(try await fixture.value(person(1), "purchases:lines").value?.kind == .intValue(700))
      #expect(
        try await fixture.value(person(1), "purchases:spend").value?.kind == .doubleValue(700))
      guard
        case .tallies(let list)? = try await fixture.value(person(1), "purchases:items").value?.kind
      else {
        Issue.record("no tallies")
        return
      }
      #expect(list.tallies.map(\.eventCount).reduce(0, +) == 700 && list.tallies.count == 9)
    }
  }

  @Test("a write without a receipt in force is refused, the others of its batch stand")
  func noReceipt() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      let foreign = try await fixture.grant(person(2), "web")
      let short = try await fixture.grant(person(3), "analytics", days: 1)
      fixture.time.advance(microseconds: 86_400_000_000)
      let reply = try await fixture.write([
        fixture.event(person(1), consent, id: "a"),
        fixture.event(person(1), "", id: "b"),
        fixture.event(person(1), foreign, id: "c"),
        fixture.event(person(2), foreign, id: "d"),
        fixture.event(person(3), short, id: "e"),
        fixture.event(person(4), consent, id: "f"),
        Event(pid: [1, 2], consentID: consent, eventID: "g", eventTimeUs: 1),
      ])
      #expect(reply.written == 1)
      #expect(reply.rejections.map(\.index) == [1, 2, 3, 4, 5, 6])
      #expect(reply.rejections.dropLast().allSatisfy { $0.reason.hasPrefix("no receipt in force") })
      #expect(reply.rejections.last?.reason == "the pid does not have 32 bytes")
      let rows = try await fixture.write([fixture.row(person(4), consent, ["score": .int(1)])])
      #expect(rows.written == 0 && rows.rejections.count == 1)
    }
  }

  @Test("without a lease a write fails as a whole: nothing is recorded, and nothing refused for it")
  func noLease() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      fixture.service.gate.endLease()
      await #expect(throws: FeatureStoreError.consentUnreachable) {
        try await fixture.write([fixture.event(person(1), consent, id: "z")])
      }
    }
  }

  @Test("values that must not be stored are refused with the field's name, never the value")
  func refusedValues() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      let bad: [[String: FeatureDatum]] = [
        ["note": .string("write to ann@example.com")], ["phone": .string("+43 664 1234567")],
        ["amount": .double(.nan)], ["amount": .double(.infinity)], ["amount": .string("3")],
        ["Bad": .int(1)], ["list": .strings(["a"])], ["t": .tallies([])],
      ]
      let reply = try await fixture.write(
        bad.enumerated().map { fixture.event(person(1), consent, id: "e\($0.offset)", $0.element) })
      #expect(reply.written == 0 && reply.rejections.count == bad.count)
      for rejection in reply.rejections {
        #expect(!rejection.reason.contains("@") && !rejection.reason.contains("664"))
      }
      #expect(reply.rejections.first?.reason == "field note looks like an e-mail address")
      let rows = try await fixture.write([
        fixture.row(person(1), consent, ["segment": .string("ann@example.com")]),
        fixture.row(person(1), consent, ["score": .double(-.infinity)]),
        fixture.row(person(1), consent, ["score": .string("x")]),
        fixture.row(person(1), consent, ["nothing": .int(1)]),
        fixture.row(person(1), consent, [:]),
      ])
      #expect(rows.written == 0 && rows.rejections.count == 5)
    }
  }

  @Test("a field given twice, an event without id or time and a future one are refused")
  func malformedEvents() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      var twice = fixture.event(person(1), consent, id: "a", ["amount": .int(1)])
      twice.fields += twice.fields
      var timeless = fixture.event(person(1), consent, id: "b")
      timeless.eventTimeUs = 0
      let reply = try await fixture.write([
        twice, timeless, fixture.event(person(1), consent, id: ""),
        fixture.event(person(1), consent, id: "c", daysAgo: -2),
        fixture.event(person(1), consent, id: "d", daysAgo: -1),
      ])
      #expect(reply.written == 1 && reply.rejections.map(\.index) == [0, 1, 2, 3])
    }
  }

  @Test("10,000 events are one call, 10,001 are refused")
  func batchLimit() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      func events(_ count: Int) -> [Event] {
        (0..<count).map { fixture.event(person(1), consent, id: "e\($0)") }
      }
      #expect(try await fixture.write(events(10_000)).written == 10_000)
      let error = await #expect(throws: FeatureStoreError.self) {
        try await fixture.write(events(10_001))
      }
      #expect(error?.rpcError.code == .resourceExhausted)
    }
  }

  @Test("a person has at most the configured number of events in a source")
  func personLimit() async throws {
    var configuration = FeatureStoreConfiguration()
    configuration.eventCountMax = 3
    try await withFeatureStore(configuration: configuration) { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      let events = (0..<4).map { fixture.event(person(1), consent, id: "e\($0)") }
      #expect(try await fixture.write(Array(events[0..<2])).written == 2)
      let over = try await fixture.write(Array(events[2...]))
      #expect(over.written == 0 && over.rejections.count == 2)
      #expect(try await fixture.write([events[2]]).written == 1)
      #expect(try await fixture.write([events[0]]).duplicates == 1)
    }
  }

  @Test("a source that no view folds, a view of another kind and an unknown view take nothing")
  func unknownTargets() async throws {
    try await withFeatureStore { fixture in
      for call in [
        { _ = try await fixture.write([Event](), source: "nowhere") },
        { _ = try await fixture.write([Row](), view: "purchases") },
        { _ = try await fixture.write([Row](), view: "nowhere") },
      ] as [() async throws -> Void] {
        let error = await #expect(throws: FeatureStoreError.self) { try await call() }
        #expect(error?.rpcError.code == .failedPrecondition)
      }
    }
  }

  @Test("the same row again is a duplicate, another row of the same time takes its place")
  func rowsOfOneTime() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      let row = fixture.row(person(1), consent, ["score": .int(1)])
      #expect(try await fixture.write([row, row]).duplicates == 1)
      let other = fixture.row(person(1), consent, ["score": .double(2.5)])
      #expect(try await fixture.write([other]).written == 1)
      #expect(try await fixture.value(person(1), "profile:score").value?.kind == .doubleValue(2.5))
    }
  }

  @Test("writes survive a restart, and ids are still taken")
  func restart() async throws {
    try await withTemporaryDirectory { directory in
      let first = try await FeatureStoreFixture(directory)
      let consent = try await first.grant(person(1), "analytics")
      let event = first.event(person(1), consent, id: "a", ["amount": .int(3)])
      try await first.write([event])
      try await first.write([first.row(person(1), consent, ["score": .int(1)])])
      first.store.close()
      let second = try await FeatureStoreFixture(directory, restarting: first)
      defer { second.store.close() }
      #expect(try await second.write([event]).duplicates == 1)
      #expect(try await second.value(person(1), "purchases:spend").value?.kind == .doubleValue(3))
      #expect(try await second.value(person(1), "profile:score").value?.kind == .doubleValue(1))
      let views = try await second.service.listViews(
        ListViewsRequest(), context: second.context(FeaturesMethods.listViews))
      #expect(views.views.map(\.name) == ["profile", "purchases", "visits"])
      #expect(try await second.apply(FeatureStoreFixture.views).unchanged.count == 3)
    }
  }

  @Test("definitions that are wrong or contradict what is in force change nothing")
  func badDefinitions() async throws {
    try await withFeatureStore { fixture in
      let bad = await #expect(throws: FeatureStoreError.self) {
        try await fixture.apply("views: 1")
      }
      #expect(bad?.rpcError.code == .invalidArgument)
      #expect(bad?.rpcError.message.contains("line 1, column 8") == true)
      let conflict = await #expect(throws: FeatureStoreError.self) {
        try await fixture.apply(
          """
          views:
            - {name: new, entity: customer, features: [{name: n, type: int, scope: s}]}
            - {name: profile, entity: customer, features: [{name: score, type: int, scope: s}]}
          """)
      }
      #expect(conflict?.rpcError.code == .failedPrecondition)
      #expect(await fixture.measure("views") == 3)
      let changed = try await fixture.apply(
        "views: [{name: profile, entity: customer, features: [{name: score, type: double, scope: geo}]}]"
      )
      #expect(changed.applied == ["profile"])
    }
  }
}

/// `SeededRandom` for the standard library's shuffles.
struct SeededGenerator: RandomNumberGenerator {
  private let random: SeededRandom
  init(seed: UInt64) { random = SeededRandom(seed: seed) }
  mutating func next() -> UInt64 { random.word() }
}
