internal import CommonAPI
internal import Gate
internal import PrivacyCore
internal import Renaming
internal import Synchronization
internal import TestSupport
internal import Testing
internal import VectorSearchService
internal import VectorsAPI

@Suite("Vectors of people who are renamed")
struct RenamingTests {
  /// The next pid of a person.
  private func next(_ number: Int) -> PseudonymousID { person(100 + number) }

  private func places(_ fixture: VectorSearchFixture) throws -> Set<PseudonymousID> {
    Set(try fixture.service.rekeying.pids(after: nil, limit: 1_000).map(\.pid))
  }

  private func vector(
    _ pid: PseudonymousID, _ consent: String, _ values: [Float] = [1, 0, 0, 0]
  ) -> Vector {
    Vector(id: pid.bytes, values: values, consentID: consent)
  }

  private func found(_ fixture: VectorSearchFixture, in name: String = "tastes") async throws
    -> [[UInt8]]
  {
    try await fixture.search([1, 0, 0, 0], in: name, k: 20).hits.map(\.id)
  }

  /// Person 1 in two collections.
  private func settle(_ fixture: VectorSearchFixture) async throws -> String {
    try await fixture.create("tastes", scope: "product_recs")
    try await fixture.create("habits", scope: "analytics")
    let consent = try await fixture.grant(person(1), "product_recs", "analytics")
    for name in ["tastes", "habits"] {
      try await fixture.upsert([vector(person(1), consent)], to: name)
    }
    return consent
  }

  @Test("a person is found once, before the vectors are moved, after, and after a restart")
  func finding() async throws {
    try await withVectorSearchAndRestart { fixture, restart in
      _ = try await settle(fixture)
      try await fixture.rename(person(1), to: next(1))
      #expect(try await found(fixture) == [person(1).bytes])
      #expect(try await fixture.service.rekeyJob.moveAll().isEmpty)
      for name in ["tastes", "habits"] {
        #expect(try await found(fixture, in: name) == [next(1).bytes])
      }
      let progress = try fixture.service.rekeying.progress(of: 1)
      #expect(progress.rowsMoved == 2 && progress.peopleMoved == 1 && progress.peopleLeft == 0)
      let again = try await restart(fixture)
      #expect(try await found(again) == [next(1).bytes])
      #expect(try again.service.rekeying.progress(of: 1).rowsMoved == 2)
      try await again.service.rekeying.retire(1)
      #expect(try await found(again) == [next(1).bytes])
    }
  }

  @Test("a vector written under either name is the person's one", arguments: [false, true])
  func writing(isMoved: Bool) async throws {
    try await withVectorSearch { fixture in
      let consent = try await settle(fixture)
      try await fixture.rename(person(1), to: next(1))
      if isMoved { _ = try await fixture.service.rekeyJob.moveAll() }
      let place = isMoved ? next(1) : person(1)
      for name in [person(1), next(1)] {
        let reply = try await fixture.upsert(
          [vector(name, consent, [0, 1, 0, 0])], to: "tastes")
        #expect(reply.written == 1)
        #expect(try await found(fixture) == [place.bytes])
      }
      try await fixture.upsert(
        [vector(person(1), consent), vector(next(1), consent, [1, 1, 0, 0])], to: "tastes")
      #expect(try await found(fixture) == [place.bytes])
      #expect(try places(fixture) == [place])
      #expect(
        try await fixture.delete([person(1).bytes, next(1).bytes], from: "tastes").removed == 1)
      #expect(try await found(fixture).isEmpty)
    }
  }

  @Test("of somebody without vectors the next one stands under the new name")
  func withoutVectors() async throws {
    try await withVectorSearch { fixture in
      try await fixture.create("tastes", scope: "product_recs")
      let consent = try await fixture.grant(person(1), "product_recs")
      try await fixture.rename(person(1), to: next(1))
      try await fixture.upsert([vector(person(1), consent)], to: "tastes")
      #expect(try await found(fixture) == [next(1).bytes])
      #expect(try fixture.service.rekeying.progress(of: 1).peopleLeft == 0)
    }
  }

  @Test("withdrawals and erasures find the vectors", arguments: [false, true], [false, true])
  func purging(isMoved: Bool, isFormer: Bool) async throws {
    try await withVectorSearchAndRestart { fixture, restart in
      let consent = try await settle(fixture)
      try await fixture.rename(person(1), to: next(1))
      if isMoved { _ = try await fixture.service.rekeyJob.moveAll() }
      try await fixture.withdraw(next(1), "analytics")
      #expect(try await found(fixture, in: "habits").isEmpty)
      #expect(try await found(fixture).count == 1)
      try await fixture.erase(isFormer ? person(1) : next(1))
      #expect(try await found(fixture).isEmpty)
      #expect(try places(fixture).isEmpty)
      #expect(try await fixture.service.rekeyJob.moveAll().isEmpty)
      for name in [person(1), next(1)] {
        let late = try await fixture.upsert([vector(name, consent)], to: "tastes")
        #expect(late.written == 0)
      }
      let again = try await restart(fixture)
      #expect(try await found(again).isEmpty)
    }
  }

  @Test("while people are moved, nobody is missing and nobody is found twice")
  func searching() async throws {
    var configuration = VectorSearchConfiguration()
    configuration.rekeyPace.rowsPerTransaction = 3
    configuration.callsInBurst = 1_000_000
    let count = 19
    try await withVectorSearch(configuration: configuration) { fixture in
      try await fixture.create("tastes", scope: "product_recs")
      var consents: [String] = []
      for number in 1...count {
        consents.append(try await fixture.grant(person(number), "product_recs"))
      }
      try await fixture.upsert(
        (1...count).map { vector(person($0), consents[$0 - 1]) }, to: "tastes")
      let end = End()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          while !end.isReached {
            let ids = try await found(fixture)
            let numbers = Set(ids.map { Int($0[0]) % 100 })
            #expect(ids.count == count && numbers.count == count)
          }
        }
        group.addTask { [consents] in
          var turn = 0
          while !end.isReached {
            turn += 1
            let number = turn % count + 1
            try await fixture.upsert([vector(person(number), consents[number - 1])], to: "tastes")
          }
        }
        group.addTask {
          defer { end.reach() }
          for number in 1...count {
            try await fixture.rename(person(number), to: next(number))
            if number % 4 == 0 { _ = try await fixture.service.rekeyJob.moveAll() }
          }
          for _ in 0..<100 where try await !fixture.service.rekeyJob.moveAll().isEmpty {}
        }
        try await group.waitForAll()
      }
      let ids = try await found(fixture)
      #expect(Set(ids) == Set((1...count).map { next($0).bytes }))
    }
  }
}

/// When tasks are to stop.
private final class End: Sendable {
  private let state = Mutex(false)

  var isReached: Bool { state.withLock { $0 } }
  func reach() { state.withLock { $0 = true } }
}
