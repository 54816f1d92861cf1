internal import IdentityVaultService
internal import PrivacyCore
internal import TestSupport
internal import Testing
internal import VaultAPI

@Suite("People whom look-ups find in memory")
struct KnownPeopleTests {
  private func pid(_ number: UInt64) -> PseudonymousID {
    let word = number &* 0x9E37_79B9_7F4A_7C15
    return PseudonymousID(words: (word, word &* word, word >> 17, number))
  }

  @Test("who was read is found, until a transaction takes the row away")
  func change() {
    let known = KnownPeople(personCountMax: 10)
    #expect(known.found([pid(1), nil]) == [nil, nil])
    known.insert([pid(1), pid(2)], at: LogSequenceNumber(5))
    #expect(known.found([pid(2), nil, pid(1), pid(3)]) == [pid(2), nil, pid(1), nil])
    known.willRemove(pid(1), at: LogSequenceNumber(6))
    #expect(known.found([pid(1), pid(2)]) == [nil, pid(2)])
  }

  @Test("a snapshot that does not know a removal whose transaction has run puts nobody in")
  func oldSnapshot() {
    let known = KnownPeople(personCountMax: 10)
    known.willRemove(pid(1), at: LogSequenceNumber(6))
    known.insert([pid(1)], at: LogSequenceNumber(5))
    #expect(known.found([pid(1)]) == [nil])
    known.insert([pid(2)], at: LogSequenceNumber(6))
    #expect(known.found([pid(2)]) == [pid(2)])
    known.willRemove(pid(3), at: LogSequenceNumber(4))
    known.insert([pid(4)], at: LogSequenceNumber(5))
    #expect(known.found([pid(4)]) == [nil])
  }

  @Test("it keeps whom it read last, and no more people than it may")
  func bound() {
    for countMax in [2, 3, 10, 64] {
      let known = KnownPeople(personCountMax: countMax)
      let people = (UInt64(1)...1_000).map { pid($0) }
      for pid in people {
        known.insert([pid], at: LogSequenceNumber(1))
        #expect(known.found([pid]) == [pid])
      }
      let kept = known.found(people).compactMap(\.self)
      #expect(kept.count <= countMax && kept.count * 4 > countMax)
    }
    for countMax in [0, 1] {
      let none = KnownPeople(personCountMax: countMax)
      none.insert([pid(1)], at: LogSequenceNumber(1))
      none.willRemove(pid(1), at: LogSequenceNumber(1))
      #expect(none.found([pid(1), nil]) == [nil, nil])
    }
  }

  @Test("nearly everybody fits as long as there are half as many as it has places")
  func load() {
    let known = KnownPeople(personCountMax: 1 << 14)
    let people = (UInt64(1)...(1 << 13)).map { pid($0) }
    known.insert(people, at: LogSequenceNumber(1))
    let kept = known.found(people).compactMap(\.self)
    #expect(kept.count * 10 > people.count * 8)
    #expect(known.found([PseudonymousID(words: (0, 0, 0, 0))]) == [nil])
  }

  @Test("whoever was looked up before is asked about anew when forgotten or merged")
  func afterwards() async throws {
    try await VaultFixture.run { fixture async throws in
      let names = ["ann", "ben", "cat"].map { email("\($0)@example.com") }
      let pids = try await fixture.pseudonymize(names).map(\.pid)
      func lookUp() async throws -> [Pseudonym] {
        try await fixture.pseudonymize(names, create: false)
      }
      for _ in 0..<2 { #expect(try await lookUp() == pids.map { Pseudonym(pid: $0, known: true) }) }
      try await fixture.forget(pids[0])
      try await fixture.merge(pids[2], into: pids[1])
      for _ in 0..<2 {
        #expect(
          try await lookUp() == [
            Pseudonym(pid: pids[0]), Pseudonym(pid: pids[1], known: true),
            Pseudonym(pid: pids[1], known: true),
          ])
      }
    }
  }

  @Test(
    "its size is configured within bounds",
    arguments: [(-1, false), (0, true), (10_000_000, true), (10_000_001, false)])
  func configured(count: Int, isFine: Bool) {
    var configuration = IdentityVaultConfiguration()
    configuration.cachedPersonCountMax = count
    #expect((configuration.fault == nil) == isFine)
  }
}
