internal import PrivacyCore
internal import RPC
internal import TestSupport
internal import Testing
internal import VectorSearchService
internal import VectorsAPI

@Suite("Noise on vectors")
struct VectorNoiseTests {
  @Test("states the epsilon of the Gaussian mechanism between two unit vectors")
  func meaning() throws {
    // gaussian(1.0)x1 and gaussian(0.7)x1 at delta 1e-5, shared/oracles/mechanisms_reference.csv:
    // a sigma of 2 on unit vectors, 2 apart at most, is a noise multiplier of 1.
    for (sigma, exact) in [(2.0, 4.377_178_095_681_224_5), (1.4, 6.652_487_889_939_967)] {
      let meaning = try #require(try VectorNoise(sigma: sigma, delta: 1e-5)).meaning
      #expect(meaning.epsilon >= exact && meaning.epsilon < exact * 1.001)
      #expect(meaning.delta == 1e-5 && meaning.sigma == sigma)
      #expect(meaning.statement.hasPrefix("private: epsilon"))
    }
  }

  @Test(
    "calls a small sigma what it is: a setting that hides nobody", arguments: [1e-3, 0.05, 0.5])
  func utilityOnly(sigma: Double) throws {
    let meaning = try #require(try VectorNoise(sigma: sigma, delta: 1e-5)).meaning
    #expect(meaning.statement.hasPrefix("a utility-only setting"))
    #expect(meaning.statement.hasSuffix("hides nobody"))
    #expect(meaning.epsilon > 10)
  }

  @Test("0 is no noise; what is no standard deviation is refused")
  func limits() throws {
    #expect(try VectorNoise(sigma: 0, delta: 1e-5) == nil)
    #expect(try VectorNoise(sigma: 60, delta: 1e-5) != nil)
    for bad in [-1e-9, -1, .nan, .infinity, -.infinity, 60.001] {
      #expect(throws: VectorSearchError.badNoise) { try VectorNoise(sigma: bad, delta: 1e-5) }
    }
  }

  @Test("has the standard deviation that was asked for", arguments: [0.01, 0.5, 8])
  func standardDeviation(sigma: Double) throws {
    let noise = try #require(try VectorNoise(sigma: sigma, delta: 1e-5))
    let noisy = try noise.added(
      to: Array(repeating: 0.25, count: 20_000), random: SeededRandom(seed: 7))
    let errors = noisy.map { Double($0) - 0.25 }
    let mean = errors.reduce(0, +) / 20_000
    let deviation = (errors.reduce(0) { $0 + $1 * $1 } / 20_000).squareRoot()
    // Five standard errors each.
    #expect(abs(mean) < 5 * sigma / 20_000.0.squareRoot())
    #expect(abs(deviation / sigma - 1) < 5 / 40_000.0.squareRoot())
  }
}

@Suite("The rate of calls")
struct CallRateTests {
  @Test("a burst passes, then so many a second, caller by caller")
  func rate() throws {
    let time = ManualTime()
    let rate = CallRate(callsPerSecond: 10, callsInBurst: 3, time: time)
    for _ in 0..<3 { try rate.take("a") }
    #expect(throws: VectorSearchError.rateLimited(retryAfterMs: 100)) { try rate.take("a") }
    try rate.take("b")
    time.advance(microseconds: 99_999)
    #expect(throws: VectorSearchError.rateLimited(retryAfterMs: 1)) { try rate.take("a") }
    time.advance(microseconds: 1)
    try rate.take("a")
    #expect(throws: VectorSearchError.rateLimited(retryAfterMs: 100)) { try rate.take("a") }
    time.advance(microseconds: 3_600_000_000)
    for _ in 0..<3 { try rate.take("a") }
    #expect(throws: VectorSearchError.self) { try rate.take("a") }
  }

  @Test("a caller beyond the limit is told when to come back")
  func overTheService() async throws {
    var configuration = VectorSearchConfiguration()
    configuration.callsPerSecond = 1
    configuration.callsInBurst = 2
    try await withVectorSearch(configuration: configuration) { fixture in
      try await fixture.create()
      for _ in 0..<2 { _ = try await fixture.search([1, 0, 0, 0]) }
      await #expect(throws: VectorSearchError.rateLimited(retryAfterMs: 1_000)) {
        try await fixture.search([1, 0, 0, 0])
      }
      let error = VectorSearchError.rateLimited(retryAfterMs: 1_000).rpcError
      #expect(error.code == .resourceExhausted && error.detail("retry-after-ms") == "1000")
    }
  }
}
