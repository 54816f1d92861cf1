internal import DifferentialPrivacy
internal import FeaturesAPI
internal import Foundation
internal import Gate
internal import PrivacyCore
internal import TestSupport
internal import Testing
internal import TrainerAPI
internal import TrainerService

/// Two releases with the same random bytes have the same noise, so that their difference is the
/// exact difference of what went in.
@Suite("What a person adds to the popularity of items")
struct PopularityTests {
  private static let cutDay = 20_000

  /// A person's tallies.
  private struct Person {
    let number: UInt8
    let tallies: [Tally]

    var row: FeatureRow {
      FeatureRow(
        pid: TrainerFixture.pid(number),
        features: [
          FeatureValue(
            status: .present, value: Value(kind: .tallies(TallyList(tallies: tallies))))
        ])
    }
  }

  private static func tally(_ item: Int, _ days: [Int], dayCount: Int? = nil) -> Tally {
    Tally(
      key: "item-\(item)", dayCount: UInt32(dayCount ?? days.count),
      eventCount: UInt32(days.count), days: days.map(Int32.init))
  }

  private static func catalogue(_ count: Int) throws -> Catalogue {
    try Catalogue((0..<count).map { CatalogueItem(item: "item-\($0)", text: "text") })
  }

  private static func plan(_ itemCount: Int) throws -> ReleasePlan {
    try ReleasePlan(
      spending: PrivacyParameters(epsilon: 1.5, delta: 1e-5),
      on: PopularityFold.parts(itemCount: itemCount, peopleShare: 0.02))
  }

  /// The noisy totals over `people`, always with the same noise.
  private static func totals(
    _ people: [Person], over catalogue: Catalogue, _ plan: ReleasePlan, _ fixture: TrainerFixture
  ) async throws -> [[Int]] {
    let ledger = try PrivacyLedger(store: fixture.store, audit: fixture.audit, time: fixture.time)
    let scope = try #require(Scope("analytics"))
    let reservation = try await ledger.reserve(
      plan, from: BudgetKey(dataset: "orders", purpose: "test"), operation: "test",
      mechanism: "test", principal: "test")
    var fold = PopularityFold(catalogue, cutDay: cutDay, plan: plan)
    for person in people {
      let pid = try #require(PseudonymousID(bytes: TrainerFixture.pid(person.number)))
      switch fixture.gate.admit(pid, scope: scope) {
      case .admitted(let proof): fold.add(person.row, under: proof)
      case .withheld(let reason): Issue.record("withheld: \(reason)")
      }
    }
    return try fold.finish().intoTotals().release(reservation, random: SeededRandom(seed: 5)).totals
  }

  /// What `more` have on top of `fewer`, in lattice units.
  private static func difference(
    _ more: [Person], _ fewer: [Person], itemCount: Int, _ fixture: TrainerFixture
  ) async throws -> (items: [Int], people: Int) {
    let catalogue = try catalogue(itemCount)
    let plan = try plan(itemCount)
    let with = try await totals(more, over: catalogue, plan, fixture)
    let without = try await totals(fewer, over: catalogue, plan, fixture)
    return (zip(with[0], without[0]).map { $0 - $1 }, with[1][0] - without[1][0])
  }

  // MARK: The formula

  /// For each item the greatest over the purchase days of exp(-age / 20), times 0.4 unless it is
  /// the first of all; then scaled down to a norm of 2.
  private static func plainWeights(_ person: Person, itemCount: Int) -> [Double] {
    var weights = [Double](repeating: 0, count: itemCount)
    for item in 0..<itemCount {
      guard let tally = person.tallies.first(where: { $0.key == "item-\(item)" }) else { continue }
      for day in tally.days {
        let isFirst = day == tally.days.min() && tally.dayCount == tally.days.count
        let age = max(1, cutDay - Int(day))
        weights[item] = max(weights[item], exp(-Double(age) / 20) * (isFirst ? 1 : 0.4))
      }
    }
    let norm = weights.map { $0 * $0 }.reduce(0, +).squareRoot()
    return weights.map { $0 * min(1, 2 / max(norm, 1e-9)) }
  }

  /// A number in 0..<bound.
  private static func below(_ bound: Int, _ random: SeededRandom) -> Int {
    Int(random.word() % UInt64(bound))
  }

  @Test("sums are those of a plain computation, to a lattice unit a person", arguments: 1...5)
  func formula(seed: UInt64) async throws {
    let itemCount = 12
    let random = SeededRandom(seed: seed)
    let people = (1...30).map { number in
      let tallies = (0..<itemCount + 3).filter { _ in Self.below(3, random) > 0 }.map { item in
        let days = Set((0...Self.below(4, random)).map { _ in Self.below(90, random) })
          .map { Self.cutDay - $0 }.sorted()
        // Now and then earlier days were cut off.
        return Self.tally(item, days, dayCount: days.count + (Self.below(4, random) == 0 ? 2 : 0))
      }
      return Person(number: UInt8(number), tallies: tallies)
    }
    try await TrainerFixture.run { fixture in
      try await fixture.grant(people.map(\.number))
      let (sums, count) = try await Self.difference(people, [], itemCount: itemCount, fixture)
      let plan = try Self.plan(itemCount)
      #expect(count == people.count * plan.releases[1].latticeNorm)
      let unit = 2 / Double(plan.releases[0].latticeNorm)
      for item in 0..<itemCount {
        let expected = people.reduce(0) {
          $0 + Self.plainWeights($1, itemCount: itemCount)[item]
        }
        let sum = Double(sums[item]) * unit
        #expect(sum <= expected + unit && sum > expected - unit * Double(people.count + 1))
      }
    }
  }

  @Test("an item counts once however often a feature store names it")
  func repeatedTally() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.grant(1)
      let once = Person(number: 1, tallies: [Self.tally(0, [Self.cutDay - 1])])
      let twice = Person(number: 1, tallies: [once.tallies[0], once.tallies[0]])
      let (items, people) = try await Self.difference([twice], [once], itemCount: 2, fixture)
      #expect(items == [0, 0])
      #expect(people == 0)
    }
  }

  @Test("days behind the cut and tallies without days do no harm")
  func oddTallies() async throws {
    try await TrainerFixture.run { fixture in
      try await fixture.grant(1)
      let odd = Person(
        number: 1,
        tallies: [
          Self.tally(0, [Self.cutDay + 400]), Self.tally(1, []),
          Self.tally(2, [Int(Int32.min)]),
        ])
      let plain = Person(number: 1, tallies: [Self.tally(0, [Self.cutDay - 1])])
      let (items, people) = try await Self.difference([odd], [plain], itemCount: 3, fixture)
      #expect(items == [0, 0, 0])
      #expect(people == 0)
    }
  }

  // MARK: Sensitivity

  private static func norm(_ units: [Int]) -> Double {
    units.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  @Test("a person with 10,000 purchases moves the totals by the clipping norm and not more")
  func hugeHistory() async throws {
    try await TrainerFixture.run { fixture in
      let itemCount = 10_000
      try await fixture.grant(1, 2)
      let other = Person(number: 1, tallies: [Self.tally(0, [Self.cutDay - 3])])
      let huge = Person(
        number: 2, tallies: (0..<itemCount).map { Self.tally($0, [Self.cutDay - 1]) })
      let (items, people) = try await Self.difference(
        [other, huge], [other], itemCount: itemCount, fixture)
      let plan = try Self.plan(itemCount)
      let limit = plan.releases[0].latticeNorm
      // In whole numbers: 10,000 squares of some thousand units are far from overflow.
      #expect(items.reduce(0) { $0 + $1 * $1 } <= limit * limit)
      #expect(Self.norm(items) > 0.99 * Double(limit))
      #expect(people == plan.releases[1].latticeNorm)
    }
  }

  @Test("no history moves the totals by more than the clipping norm", arguments: 1...20)
  func anyHistory(seed: UInt64) async throws {
    let random = SeededRandom(seed: seed)
    let itemCount = 1 + Self.below(40, random)
    let tallies = (0..<itemCount).filter { _ in Self.below(5, random) > 0 }.map { item in
      Self.tally(item, (0...Self.below(3, random)).map { _ in Self.cutDay - Self.below(9, random) })
    }
    try await TrainerFixture.run { fixture in
      try await fixture.grant(1)
      let (items, _) = try await Self.difference(
        [Person(number: 1, tallies: tallies)], [], itemCount: itemCount, fixture)
      let limit = try Self.plan(itemCount).releases[0].latticeNorm
      #expect(items.reduce(0) { $0 + $1 * $1 } <= limit * limit)
    }
  }

  @Test("weights near the norm are not rounded over it", arguments: [1, 2, 3, 7, 1 << 17])
  func rounding(latticeNorm: Int) {
    for count in 1...64 {
      let vector = LatticeVector(
        indices: Array(0..<count),
        weights: (0..<count).map { 2 / Double(count).squareRoot() * (1 + Double($0) * 1e-16) },
        clippingNorm: 2, latticeNorm: latticeNorm)
      #expect(vector.units.reduce(0) { $0 + $1 * $1 } <= latticeNorm * latticeNorm)
    }
  }
}
