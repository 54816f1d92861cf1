import ConsentAPI
import ConsentService
import PrivacyCore
import Testing

@Suite("What checks find in memory")
struct StandingCacheTests {
  private func standing(_ count: UInt64) -> PersonState { PersonState(receiptCount: count) }

  @Test("what was read is found, until a transaction changes the person")
  func change() {
    let cache = StandingCache(personCountMax: 10)
    #expect(cache.standing(of: Example.pid(1)) == nil)
    cache.insert(standing(1), of: Example.pid(1), at: LogSequenceNumber(5))
    cache.insert(standing(2), of: Example.pid(2), at: LogSequenceNumber(5))
    #expect(cache.standing(of: Example.pid(1))?.state.receiptCount == 1)
    cache.willChange(Example.pid(1), at: LogSequenceNumber(6))
    #expect(cache.standing(of: Example.pid(1)) == nil)
    #expect(cache.standing(of: Example.pid(2))?.state.receiptCount == 2)
  }

  @Test("a snapshot that does not know a change whose transaction has run puts nobody in")
  func oldSnapshot() {
    let cache = StandingCache(personCountMax: 10)
    cache.willChange(Example.pid(1), at: LogSequenceNumber(6))
    cache.insert(standing(1), of: Example.pid(1), at: LogSequenceNumber(5))
    #expect(cache.standing(of: Example.pid(1)) == nil)
    cache.insert(standing(2), of: Example.pid(1), at: LogSequenceNumber(6))
    #expect(cache.standing(of: Example.pid(1))?.state.receiptCount == 2)
    // A later transaction than the one that is noted last may have run before it is noted.
    cache.willChange(Example.pid(2), at: LogSequenceNumber(4))
    cache.insert(standing(3), of: Example.pid(3), at: LogSequenceNumber(5))
    #expect(cache.standing(of: Example.pid(3)) == nil)
  }

  @Test("it keeps whom it was asked about lately, and no more than it may")
  func bound() {
    let cache = StandingCache(personCountMax: 10)
    for number in UInt64(1)...100 {
      cache.insert(standing(number), of: Example.pid(number), at: LogSequenceNumber(1))
      #expect(cache.standing(of: Example.pid(1)) != nil)
    }
    let kept = (UInt64(1)...100).filter { cache.standing(of: Example.pid($0)) != nil }
    #expect((5...11).contains(kept.count))
    #expect(kept.contains(100))
  }

  @Test(
    "its size is configured within bounds",
    arguments: [(-1, false), (0, true), (10_000_000, true), (10_000_001, false)])
  func configured(count: Int, isFine: Bool) {
    var configuration = ConsentConfiguration()
    configuration.cachedPersonCountMax = count
    #expect((configuration.fault == nil) == isFine)
  }

  @Test("a cache of nobody keeps nobody")
  func none() {
    let cache = StandingCache(personCountMax: 0)
    cache.insert(standing(1), of: Example.pid(1), at: LogSequenceNumber(1))
    #expect(cache.standing(of: Example.pid(1)) == nil)
  }
}
