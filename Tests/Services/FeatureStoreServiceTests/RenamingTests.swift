internal import CommonAPI
internal import FeatureStoreService
internal import FeaturesAPI
internal import Foundation
internal import Gate
internal import PrivacyCore
internal import Renaming
internal import RPC
internal import SealedStore
internal import Synchronization
internal import TestSupport
internal import Testing

@Suite("People who are renamed")
struct RenamingTests {
  /// The next pid of a person.
  private func next(_ number: Int) -> PseudonymousID { person(100_000 + number) }

  private func spend(_ fixture: FeatureStoreFixture, _ pid: PseudonymousID) async throws -> Double?
  {
    let kind = try await fixture.value(pid, "purchases:spend").value?.kind
    guard case .doubleValue(let value)? = kind else { return nil }
    return value
  }

  private func segment(
    _ fixture: FeatureStoreFixture, _ pid: PseudonymousID
  ) async throws -> String? {
    let kind = try await fixture.value(pid, "profile:segment").value?.kind
    guard case .stringValue(let value)? = kind else { return nil }
    return value
  }

  private func places(_ fixture: FeatureStoreFixture) throws -> Set<PseudonymousID> {
    Set(try fixture.service.rekeying.pids(after: nil, limit: 100_000).map(\.pid))
  }

  /// A person with one order of 5, one row and one visit.
  private func settle(_ fixture: FeatureStoreFixture, _ pid: PseudonymousID) async throws -> String
  {
    let consent = try await fixture.grant(pid, "analytics", "product_recs", "web", "geo")
    try await fixture.write([fixture.event(pid, consent, id: "a", ["amount": .double(5)])])
    try await fixture.write([fixture.event(pid, consent, id: "b")], source: "site")
    try await fixture.write([fixture.row(pid, consent, ["segment": .string("gold")])])
    return consent
  }

  @Test("everything works under both names, before the rows are moved and after")
  func bothNames() async throws {
    try await withFeatureStore { fixture in
      let consent = try await settle(fixture, person(1))
      try await fixture.rename(person(1), to: next(1))
      var total = 5.0
      for isMoved in [false, true] {
        if isMoved { #expect(try await fixture.service.rekeyJob.moveAll().isEmpty) }
        #expect(try places(fixture) == [isMoved ? next(1) : person(1)])
        for (number, pid) in [person(1), next(1)].enumerated() {
          #expect(try await spend(fixture, pid) == total)
          #expect(try await segment(fixture, pid) == "gold")
          #expect(try await fixture.value(pid, "visits:pages").value?.kind == .intValue(1))
          let reply = try await fixture.write([
            fixture.event(pid, consent, id: "a", ["amount": .double(5)]),
            fixture.event(pid, consent, id: "\(isMoved) \(number)", ["amount": .double(1)]),
          ])
          #expect(reply.written == 1 && reply.duplicates == 1)
          total += 1
        }
        #expect(try places(fixture) == [isMoved ? next(1) : person(1)])
      }
      let progress = try fixture.service.rekeying.progress(of: 1)
      #expect(progress.renamings == 1 && progress.peopleMoved == 1 && progress.peopleLeft == 0)
      #expect(progress.rowsMoved == 4)
      #expect(await fixture.measure("people") == 1)
    }
  }

  @Test("of somebody without rows the next ones stand under the new name")
  func withoutRows() async throws {
    try await withFeatureStore { fixture in
      let consent = try await fixture.grant(person(1), "analytics")
      try await fixture.rename(person(1), to: next(1))
      #expect(try fixture.service.rekeying.progress(of: 1).peopleLeft == 0)
      try await fixture.write([
        fixture.event(person(1), consent, id: "a", ["amount": .double(2)])
      ])
      #expect(try places(fixture) == [next(1)])
      #expect(try await spend(fixture, person(1)) == 2)
      #expect(try await spend(fixture, next(1)) == 2)
    }
  }

  @Test("both names in one call are one person", arguments: [false, true])
  func oneCall(isMoved: Bool) async throws {
    try await withFeatureStore { fixture in
      let consent = try await settle(fixture, person(1))
      try await fixture.rename(person(1), to: next(1))
      if isMoved { _ = try await fixture.service.rekeyJob.moveAll() }
      let reply = try await fixture.write([
        fixture.event(person(1), consent, id: "x", ["amount": .double(1)]),
        fixture.event(next(1), consent, id: "y", ["amount": .double(1)]),
        fixture.event(next(1), consent, id: "x", ["amount": .double(1)]),
      ])
      #expect(reply.written == 2 && reply.duplicates == 1)
      let rows = try await fixture.get([person(1), next(1)], ["purchases:spend"]).rows
      #expect(rows.map(\.pid) == [person(1).bytes, next(1).bytes])
      #expect(rows.map { $0.features[0].value?.kind } == [.doubleValue(7), .doubleValue(7)])
    }
  }

  @Test("a withdrawal purges where the rows are", arguments: [false, true])
  func withdrawal(isMoved: Bool) async throws {
    try await withFeatureStore { fixture in
      _ = try await settle(fixture, person(1))
      try await fixture.rename(person(1), to: next(1))
      if isMoved { _ = try await fixture.service.rekeyJob.moveAll() }
      try await fixture.withdraw(next(1), "analytics", "product_recs")
      // The profile still serves geography, the visits the web.
      #expect(await fixture.measure("event_chunks") == 1)
      #expect(await fixture.measure("rows") == 1)
      try await fixture.withdraw(next(1), "web", "geo")
      #expect(try places(fixture).isEmpty)
      #expect(try await fixture.service.rekeyJob.moveAll().isEmpty)
      #expect(try fixture.service.rekeying.progress(of: 1).peopleLeft == 0)
    }
  }

  @Test(
    "an erasure under either name takes everything, and late writes are refused under both",
    arguments: [false, true], [false, true])
  func erasure(isMoved: Bool, isFormer: Bool) async throws {
    try await withTemporaryDirectory { directory in
      let first = try await FeatureStoreFixture(directory)
      _ = try await settle(first, person(1))
      try await first.rename(person(1), to: next(1))
      if isMoved { _ = try await first.service.rekeyJob.moveAll() }
      try await first.erase(isFormer ? person(1) : next(1))
      #expect(try places(first).isEmpty)
      #expect(try await first.service.rekeyJob.moveAll().isEmpty)
      first.store.close()
      // A gate that has lost its memory would admit: the tombstones do not.
      let second = try await FeatureStoreFixture(directory)
      defer { second.store.close() }
      for pid in [person(1), next(1)] {
        let consent = try await second.grant(pid, "analytics")
        let reply = try await second.write([second.event(pid, consent, id: "late")])
        #expect(reply.rejections.map(\.reason) == ["the person was erased"])
      }
    }
  }

  @Test("who was erased before stays erased under the new name")
  func erasedBefore() async throws {
    try await withTemporaryDirectory { directory in
      let first = try await FeatureStoreFixture(directory)
      _ = try await settle(first, person(1))
      try await first.erase(person(1))
      try await first.rename(person(1), to: next(1))
      first.store.close()
      let second = try await FeatureStoreFixture(directory)
      defer { second.store.close() }
      let consent = try await second.grant(next(1), "analytics")
      let reply = try await second.write([second.event(next(1), consent, id: "late")])
      #expect(reply.rejections.map(\.reason) == ["the person was erased"])
    }
  }

  @Test("a person whose key is destroyed is left to the erasure")
  func keyless() async throws {
    try await withFeatureStore { fixture in
      _ = try await settle(fixture, person(1))
      _ = try await settle(fixture, person(2))
      for number in 1...2 { try await fixture.rename(person(number), to: next(number)) }
      fixture.keys.destroy(person(1))
      let left = try await fixture.service.rekeyJob.moveAll()
      #expect(left.keyless == 1 && left.unreadable == 0 && left.changing == 0)
      #expect(try places(fixture) == [person(1), next(2)])
      #expect(try fixture.service.rekeying.progress(of: 1).peopleLeft == 1)
      try await fixture.erase(next(1))
      #expect(try await fixture.service.rekeyJob.moveAll().isEmpty)
      #expect(try places(fixture) == [next(2)])
      #expect(try fixture.service.rekeying.progress(of: 1).peopleLeft == 0)
    }
  }

  @Test("the job goes on after a restart, and the feed from the beginning notes nothing twice")
  func restart() async throws {
    var configuration = FeatureStoreConfiguration()
    configuration.rekeyPace.rowsPerTransaction = 1
    try await withTemporaryDirectory { directory in
      let first = try await FeatureStoreFixture(directory, configuration: configuration)
      for number in 1...6 {
        _ = try await settle(first, person(number))
        try await first.rename(person(number), to: next(number))
      }
      // Each person is a transaction of its own, for which keys are asked for.
      first.keys.fail(after: 3)
      await #expect(throws: (any Error).self) { try await first.service.rekeyJob.moveAll() }
      first.keys.fail(after: nil)
      #expect(try first.service.rekeying.progress(of: 1).peopleLeft == 3)
      first.store.close()

      let second = try await FeatureStoreFixture(directory, restarting: first)
      defer { second.store.close() }
      var progress = try second.service.rekeying.progress(of: 1)
      #expect(progress.renamings == 6 && progress.peopleLeft == 3)
      for number in 1...6 {
        #expect(try await spend(second, person(number)) == 5)
        #expect(try await spend(second, next(number)) == 5)
      }
      #expect(try await second.service.rekeyJob.moveAll().isEmpty)
      progress = try second.service.rekeying.progress(of: 1)
      #expect(progress.peopleMoved == 6 && progress.peopleLeft == 0 && progress.rowsMoved == 24)
      #expect(try places(second) == Set((1...6).map { next($0) }))
      for number in 1...6 { #expect(try await spend(second, person(number)) == 5) }
    }
  }

  @Test("when the rotation is over the former names are forgotten, and the next one begins")
  func retirement() async throws {
    try await withTemporaryDirectory { directory in
      let first = try await FeatureStoreFixture(directory)
      _ = try await settle(first, person(1))
      try await first.rename(person(1), to: next(1))
      _ = try await first.service.rekeyJob.moveAll()
      try await first.service.rekeying.retire(1)
      // Not missing: the gate withholds under the name before the store forgets it.
      #expect(try await first.value(person(1), "purchases:spend").status == .withheld)
      #expect(try await spend(first, next(1)) == 5)
      // In another epoch of the log the renaming comes again, and finds nothing to do.
      first.store.close()
      let second = try await FeatureStoreFixture(directory, restarting: first, epoch: 2)
      defer { second.store.close() }
      try await second.grant(person(1), "analytics")
      try await second.rename(person(1), to: next(1))
      #expect(try second.service.rekeying.progress(of: 1).renamings == 1)
      #expect(try await second.value(person(1), "purchases:spend").status == .notFound)
      let third = person(300_000)
      try await second.rename(next(1), to: third, rotation: 2)
      #expect(try await spend(second, next(1)) == 5)
      #expect(try await spend(second, third) == 5)
      _ = try await second.service.rekeyJob.moveAll()
      #expect(try places(second) == [third])
      #expect(try await spend(second, next(1)) == 5)
      try await second.service.rekeying.retire(2)
      #expect(try await spend(second, third) == 5)
    }
  }

  @Test("a store restored from before the renaming moves first, and forgets the names then")
  func restoredBeforeRetirement() async throws {
    try await withFeatureStore { fixture in
      _ = try await settle(fixture, person(1))
      try await fixture.service.rekeying.retire(1)
      try await fixture.rename(person(1), to: next(1), rotation: 1)
      try await fixture.service.rekeying.retire(1)
      #expect(try await spend(fixture, next(1)) == 5)
      // A second renaming may come before the first move.
      let third = person(300_000)
      try await fixture.rename(next(1), to: third, rotation: 2)
      for name in [next(1), third] { #expect(try await spend(fixture, name) == 5) }
      #expect(try fixture.service.rekeying.progress(of: 1).peopleLeft == 0)
      #expect(try fixture.service.rekeying.progress(of: 2).peopleLeft == 1)
      _ = try await fixture.service.rekeyJob.moveAll()
      #expect(try places(fixture) == [third])
      for name in [next(1), third] { #expect(try await spend(fixture, name) == 5) }
      try await fixture.service.rekeying.retire(2)
      #expect(try await fixture.value(next(1), "purchases:spend").status == .withheld)
      #expect(try await spend(fixture, third) == 5)
    }
  }

  @Test("rows under both names before the renaming become one person's, and none is lost")
  func merged() async throws {
    try await withFeatureStore { fixture in
      _ = try await settle(fixture, person(1))
      fixture.keys.rename(person(1), to: next(1))
      let consent = try await fixture.grant(next(1), "analytics", "geo")
      try await fixture.write([
        fixture.event(next(1), consent, id: "a", ["amount": .double(5)]),
        fixture.event(next(1), consent, id: "c", ["amount": .double(2)]),
      ])
      try await fixture.write([
        fixture.row(next(1), consent, daysAgo: 1, ["segment": .string("blue")])
      ])
      try await fixture.rename(person(1), to: next(1))
      #expect(try await fixture.service.rekeyJob.moveAll().isEmpty)
      #expect(try places(fixture) == [next(1)])
      for name in [person(1), next(1)] {
        #expect(try await spend(fixture, name) == 7)
        #expect(try await segment(fixture, name) == "gold")
      }
      #expect(await fixture.measure("rows") == 2)
    }
  }

  @Test("a training set has everybody once, whoever is moved")
  func trainingSet() async throws {
    try await withFeatureStore { fixture in
      for number in 1...4 { _ = try await settle(fixture, person(number)) }
      for number in 1...3 { try await fixture.rename(person(number), to: next(number)) }
      for isMoved in [false, true] {
        if isMoved { _ = try await fixture.service.rekeyJob.moveAll() }
        let rows = try await fixture.trainingSet(["purchases:spend"], scope: "analytics")
          .flatMap(\.rows)
        #expect(rows.count == 4)
        #expect(rows.allSatisfy { $0.features[0].value?.kind == .doubleValue(5) })
      }
    }
  }

  @Test("an access request under both names tells everything once", arguments: [false, true])
  func holdings(isMoved: Bool) async throws {
    try await withFeatureStore { fixture in
      _ = try await settle(fixture, person(1))
      try await fixture.rename(person(1), to: next(1))
      if isMoved { _ = try await fixture.service.rekeyJob.moveAll() }
      for pids in [[person(1), next(1)], [next(1)], [person(1)]] {
        var text: [UInt8] = []
        try await fixture.service.holdings(
          HoldingsRequest(pids: pids.map(\.bytes), ticket: "T-1"),
          context: fixture.context(FeaturesMethods.holdings)
        ) { text += $0.text }
        let told = String(decoding: text, as: UTF8.self)
        #expect(told.components(separatedBy: "gold").count == 2)
        #expect(!told.contains("unreadable"))
      }
    }
  }

  @Test("the scan sees each pid once with all of its rows, page by page")
  func scan() async throws {
    try await withFeatureStore { fixture in
      for number in 1...9 { _ = try await settle(fixture, person(number)) }
      var seen: [PseudonymousID] = []
      while true {
        let page = try fixture.service.rekeying.pids(after: seen.last, limit: 2)
        guard !page.isEmpty else { break }
        #expect(page.allSatisfy { $0.rowCount == 4 })
        seen += page.map(\.pid)
      }
      #expect(seen == (1...9).map { person($0) }.sorted())
    }
  }

  @Test("while people are moved, readers find all of them and writers lose nothing")
  func readersAndWriters() async throws {
    var configuration = FeatureStoreConfiguration()
    configuration.rekeyPace.rowsPerTransaction = 8
    // Some are found in memory, some are not.
    configuration.cachedValueCountMax = 400
    let count = 120
    try await withFeatureStore(configuration: configuration) { fixture in
      var consents: [String] = []
      for number in 0..<count { consents.append(try await settle(fixture, person(number))) }
      let tally = Tally(count: count)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for reader in 0..<2 {
          group.addTask {
            var random = SeededRandom(seed: UInt64(reader))
            while !tally.isDone {
              // A read waits for nothing: the others must have their turn.
              await Task.yield()
              let number = Int(random.next() % UInt64(count))
              let least = tally.written(number)
              // The new name is nobody's before the renaming.
              let value = try await spend(fixture, person(number))
              let found = try #require(value, "\(number) was not found")
              #expect(found >= Double(5 + least))
              tally.noteRead()
            }
          }
        }
        group.addTask { [consents] in
          var random = SeededRandom(seed: 9)
          var event = 0
          while !tally.isDone {
            let number = Int(random.next() % UInt64(count))
            event += 1
            let reply = try await fixture.write([
              fixture.event(
                person(number), consents[number], id: "w\(event)", ["amount": .double(1)])
            ])
            #expect(reply.written == 1)
            tally.noteWrite(of: number)
          }
        }
        group.addTask {
          defer { tally.end() }
          for number in 0..<count {
            try await fixture.rename(person(number), to: next(number))
            if number % 20 == 19 { _ = try await fixture.service.rekeyJob.moveAll() }
          }
          for _ in 0..<100 where try await !fixture.service.rekeyJob.moveAll().isEmpty {}
        }
        try await group.waitForAll()
      }
      #expect(tally.readCount > 100)
      #expect(try await fixture.service.rekeyJob.moveAll().isEmpty)
      #expect(try places(fixture) == Set((0..<count).map { next($0) }))
      for number in 0..<count {
        let total = Double(5 + tally.written(number))
        #expect(try await spend(fixture, next(number)) == total)
        #expect(try await spend(fixture, person(number)) == total)
      }
    }
  }

  @Test("a read after a write sees it, however many read meanwhile")
  func readYourWrites() async throws {
    try await withFeatureStore { fixture in
      let consent = try await settle(fixture, person(1))
      let tally = Tally(count: 0)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<3 {
          group.addTask {
            while !tally.isDone {
              _ = try await spend(fixture, person(1))
              await Task.yield()
            }
          }
        }
        group.addTask {
          defer { tally.end() }
          for number in 1...400 {
            try await fixture.write([
              fixture.event(person(1), consent, id: "w\(number)", ["amount": .double(1)])
            ])
            for _ in 0..<3 {
              #expect(try await spend(fixture, person(1)) == Double(5 + number))
            }
          }
        }
        try await group.waitForAll()
      }
    }
  }
}

/// What tasks tell each other.
private final class Tally: Sendable {
  private struct State {
    var written: [Int]
    var readCount = 0
    var isDone = false
  }

  private let state: Mutex<State>

  init(count: Int) { state = Mutex(State(written: Array(repeating: 0, count: count))) }

  var isDone: Bool { state.withLock { $0.isDone } }
  var readCount: Int { state.withLock { $0.readCount } }
  func written(_ number: Int) -> Int { state.withLock { $0.written[number] } }
  func noteWrite(of number: Int) { state.withLock { $0.written[number] += 1 } }
  func noteRead() { state.withLock { $0.readCount += 1 } }
  func end() { state.withLock { $0.isDone = true } }
}

/// A small generator, the same for each run.
private struct SeededRandom {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
