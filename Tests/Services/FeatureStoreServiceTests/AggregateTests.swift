internal import FeatureStoreService
internal import PrivacyCore
internal import TestSupport
internal import Testing

@Suite("Aggregates over events")
struct AggregateTests {
  private static let dayMicroseconds: Int64 = 86_400_000_000

  /// Events of a person at random, with equal times, missing fields and mixed types.
  private func randomEvents(_ random: SeededRandom, count: Int) -> [PersonEvent] {
    (0..<count).map { number in
      var fields: [(String, FeatureDatum)] = []
      if random.word() % 8 != 0 { fields.append(("item", .string("i\(random.word() % 7)"))) }
      if random.word() % 8 != 0 {
        let isWhole = random.word() % 2 == 0
        let value = Int64(random.word() % 50) - 10
        fields.append(("amount", isWhole ? .int(value) : .double(Double(value) / 4)))
      }
      if random.word() % 3 != 0 { fields.append(("quantity", .int(Int64(random.word() % 9)))) }
      if random.word() % 2 == 0 {
        fields.append(("kind", .string(random.word() % 2 == 0 ? "purchase" : "visit")))
      }
      if random.word() % 2 == 0 { fields.append(("gift", .bool(random.word() % 2 == 0))) }
      if random.word() % 2 == 0 {
        // Half the keys come as numbers: 3 and "3" are one key.
        let number = Int64(random.word() % 5)
        fields.append(("code", random.word() % 2 == 0 ? .int(number) : .string("\(number)")))
      }
      return PersonEvent(
        time: Timestamp(microseconds: Int64(random.word() % 40) * Self.dayMicroseconds / 2 + 1),
        id: "e\(number)", consentID: "c", fields: fields)
    }
  }

  private static let aggregations: [(Aggregation, FeatureType)] = {
    var all: [(Aggregation, FeatureType)] = [
      (Aggregation(.count), .int), (Aggregation(.count, field: "item"), .int),
      (Aggregation(.mean, field: "amount"), .double), (Aggregation(.mean, field: "item"), .double),
      (Aggregation(.tally, field: "item"), .tallies),
      (Aggregation(.tally, field: "code"), .tallies),
      (Aggregation(.distinct, field: "item"), .strings),
      (Aggregation(.distinct, field: "code"), .strings),
      (Aggregation(.distinct, field: "amount"), .int),
      (Aggregation(.distinct, field: "none"), .int),
      (Aggregation(.last, field: "gift"), .bool), (Aggregation(.last, field: "item"), .string),
      (Aggregation(.mode, field: "item"), .string), (Aggregation(.mode, field: "gift"), .bool),
      (Aggregation(.mode, field: "quantity"), .int), (Aggregation(.mode, field: "amount"), .int),
    ]
    for kind in [AggregateKind.sum, .min, .max, .last] {
      all.append((Aggregation(kind, field: "amount"), .double))
      all.append((Aggregation(kind, field: "quantity"), .int))
      all.append((Aggregation(kind, field: "amount"), .int))
    }
    let windows = all.map {
      (Aggregation($0.0.kind, field: $0.0.field, windowMicroseconds: 5 * dayMicroseconds), $0.1)
    }
    let filtered = all.map {
      (
        Aggregation(
          $0.0.kind, field: $0.0.field, windowMicroseconds: 9 * dayMicroseconds,
          filters: ["kind": .string("purchase"), "quantity": .double(3)]), $0.1
      )
    }
    return all + windows + filtered
  }()

  @Test("every aggregate equals a naive one on random events", arguments: 0..<8)
  func equalsReference(seed: UInt64) {
    let random = SeededRandom(seed: seed)
    let events = randomEvents(random, count: Int(random.word() % 90))
    let folded = EventSeries(events).foldable
    for _ in 0..<3 {
      let asOf = Timestamp(microseconds: Int64(random.word() % 45) * Self.dayMicroseconds / 2)
      for (aggregation, type) in Self.aggregations {
        let found = folded.fold(aggregation, type: type, asOf: asOf)
        let expected = NaiveFold(events: events, asOf: asOf).fold(aggregation, type)
        #expect(found == expected, "seed \(seed), \(aggregation), \(type), as of \(asOf)")
      }
    }
  }

  @Test("series merged in any pieces equal the series of all events", arguments: 0..<10)
  func mergeEqualsWhole(seed: UInt64) {
    let random = SeededRandom(seed: seed)
    let events = randomEvents(random, count: 60)
    var merged = EventSeries()
    for start in stride(from: 0, to: 60, by: 13) {
      merged.merge(EventSeries(events[start..<min(60, start + 13)]))
    }
    let whole = EventSeries(events)
    #expect(merged.times == whole.times && merged.ids == whole.ids)
    for (name, column) in whole.columns {
      #expect((0..<60).allSatisfy { merged.columns[name]?.value(at: $0) == column.value(at: $0) })
    }
  }

  @Test("an event at the window's beginning is outside, one at its end inside")
  func windowEdges() {
    let events = EventSeries([100, 200, 300].map { event(at: $0) }).foldable
    let window = Aggregation(.count, windowMicroseconds: 200)
    func count(_ asOf: Int64) -> FeatureDatum? {
      events.fold(window, type: .int, asOf: Timestamp(microseconds: asOf))?.value
    }
    #expect(count(99) == nil)
    #expect(count(100) == .int(1))
    #expect(count(299) == .int(2))
    #expect(count(300) == .int(2))
    #expect(count(499) == .int(1))
    #expect(count(500) == .int(0))
  }

  @Test("a sum of whole numbers stays at the largest rather than overflow")
  func integerOverflow() {
    let events = EventSeries([event(at: 1, value: .int(.max)), event(at: 2, value: .int(1))])
    let sum = events.foldable.fold(
      Aggregation(.sum, field: "f"), type: .int, asOf: Timestamp(microseconds: 9))
    #expect(sum?.value == .int(.max))
  }

  @Test("a sum of numbers that leaves their range is no value")
  func doubleOverflow() {
    let huge = FeatureDatum.double(.greatestFiniteMagnitude)
    let events = EventSeries([event(at: 1, value: huge), event(at: 2, value: huge)])
    let sum = events.foldable.fold(
      Aggregation(.sum, field: "f"), type: .double, asOf: Timestamp(microseconds: 9))
    #expect(sum == nil)
  }

  @Test("a tally names at most the latest thousand days")
  func tallyDays() {
    let events = EventSeries(
      (1...1_001).map { event(at: Int64($0) * Self.dayMicroseconds, value: .string("k")) })
    let tally = events.foldable.fold(
      Aggregation(.tally, field: "f"), type: .tallies, asOf: Timestamp(microseconds: .max))
    guard case .tallies(let list)? = tally?.value else {
      Issue.record("no tallies")
      return
    }
    #expect(list[0].dayCount == 1_001 && list[0].days == Array(2...1_001))
  }

  private func event(at time: Int64, value: FeatureDatum? = nil) -> PersonEvent {
    PersonEvent(
      time: Timestamp(microseconds: time), id: "e\(time)", consentID: "c",
      fields: value.map { [("f", $0)] } ?? [])
  }
}
