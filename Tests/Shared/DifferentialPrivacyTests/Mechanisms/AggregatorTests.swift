import DifferentialPrivacy
import PrivacyCore
import TestSupport
import Testing

private func aggregator(seed: UInt64 = 1) -> PrivateAggregator {
  PrivateAggregator(random: SeededRandom(seed: seed))
}

private func gaussian(_ multiplier: Double) throws -> IntegerNoise {
  .gaussian(try NoiseMultiplier(multiplier), delta: try Delta(1e-6))
}

@Suite("Noisy aggregates")
struct AggregatorTests {
  @Test("a count comes with its noise and its price")
  func count() throws {
    var aggregator = aggregator()
    let release = try aggregator.count(5000, noise: gaussian(20))
    #expect(abs(release.value - 5000) < 160)
    #expect(release.mechanism == .discreteGaussian)
    #expect(abs(release.noiseScale - 20) < 1e-4 && release.noiseScale >= 20)
    #expect(release.sensitivity == 1)
    #expect(release.charge == .gaussian(try NoiseMultiplier(20)))
    #expect(release.delta == 1e-6)
    // Above the continuous Gaussian's exact epsilon, and not by much.
    let exact = AnalyticGaussian.epsilon(
      noiseMultiplier: try NoiseMultiplier(20), delta: try Delta(1e-6))
    #expect(release.epsilon > exact && release.epsilon < exact * 1.1)
  }

  @Test("a Laplace count has a pure guarantee")
  func laplaceCount() throws {
    var aggregator = aggregator()
    let release = try aggregator.count(100, noise: .laplace(Epsilon(0.5)))
    #expect(abs(release.value - 100) < 60)
    #expect(release.mechanism == .discreteLaplace)
    #expect(release.epsilon == 0.5 && release.delta == 0)
    #expect(release.noiseScale >= 2)
    #expect(release.charge == .pure(try Epsilon(0.5)))
  }

  @Test("noise differs from one answer to the next")
  func noiseIsFresh() throws {
    var aggregator = aggregator()
    var answers: Set<Int> = []
    for _ in 0..<20 { answers.insert(try aggregator.count(0, noise: gaussian(1000)).value) }
    #expect(answers.count > 15)
  }

  @Test("a sum holds every value within its bounds, and its noise is fitted to them")
  func sum() throws {
    var aggregator = aggregator()
    let values = [Int](repeating: 1_000_000, count: 500) + [Int](repeating: -9, count: 500)
    let release = try aggregator.sum(values, bounds: -2...10, noise: gaussian(1))
    #expect(abs(release.value - 4000) < 80)
    #expect(release.sensitivity == 10)
    #expect(release.noiseScale >= 10)
  }

  @Test("bounds that hold nothing or too much are refused")
  func sumBounds() throws {
    var aggregator = aggregator()
    #expect(throws: DifferentialPrivacyError.invalidBounds) {
      try aggregator.sum([1], bounds: 0...0, noise: gaussian(1))
    }
    #expect(throws: DifferentialPrivacyError.invalidBounds) {
      try aggregator.sum([1], bounds: Int.min...0, noise: gaussian(1))
    }
    #expect(throws: DifferentialPrivacyError.self) {
      try aggregator.sum([1], bounds: 0...(1 << 31), noise: gaussian(1))
    }
  }

  @Test("a mean is close for many people, within bounds for none, and survives odd values")
  func mean() throws {
    var aggregator = aggregator()
    let values = (0..<20_000).map { Double($0 % 100) }
    let release = try aggregator.mean(values, bounds: 0...200, noise: gaussian(2))
    #expect(abs(release.value - 49.5) < 1)
    #expect(release.noiseScale >= 2 * 100 && release.noiseScale < 3 * 100)
    let ofNobody = try aggregator.mean([], bounds: 3...4, noise: gaussian(2))
    #expect((3...4).contains(ofNobody.value))
    let odd = try aggregator.mean(
      [.nan, .infinity, -.infinity, 1e300], bounds: 3...4, noise: gaussian(0.1))
    #expect((3...4).contains(odd.value))
    #expect(throws: DifferentialPrivacyError.invalidBounds) {
      try aggregator.mean([1], bounds: 2...2, noise: gaussian(1))
    }
    #expect(throws: DifferentialPrivacyError.invalidBounds) {
      try aggregator.mean([1], bounds: 0...Double.infinity, noise: gaussian(1))
    }
  }

  @Test("a histogram shows every declared key and no other, and bounds each person")
  func histogram() throws {
    var aggregator = aggregator()
    let people = [[String]](repeating: ["a", "a", "x", "b", "c"], count: 1000)
    let release = try aggregator.histogram(
      of: people, declaredKeys: ["a", "b", "c", "d"], keysPerPersonMax: 2, noise: gaussian(1))
    #expect(Set(release.value.keys) == ["a", "b", "c", "d"])
    #expect(abs(release.value["a", default: 0] - 1000) < 20)
    #expect(abs(release.value["b", default: 0] - 1000) < 20)
    #expect(abs(release.value["c", default: 999]) < 20)
    #expect(abs(release.sensitivity - 2.0.squareRoot()) < 1e-12)
  }

  @Test("a histogram over no keys, repeated keys or no allowance is refused")
  func histogramRefusals() throws {
    var aggregator = aggregator()
    #expect(throws: DifferentialPrivacyError.invalidDomain) {
      try aggregator.histogram(
        of: [["a"]], declaredKeys: [], keysPerPersonMax: 1, noise: gaussian(1))
    }
    #expect(throws: DifferentialPrivacyError.invalidDomain) {
      try aggregator.histogram(
        of: [["a"]], declaredKeys: ["a", "a"], keysPerPersonMax: 1, noise: gaussian(1))
    }
    #expect(throws: DifferentialPrivacyError.invalidContributionLimit(0)) {
      try aggregator.histogram(
        of: [["a"]], declaredKeys: ["a"], keysPerPersonMax: 0, noise: gaussian(1))
    }
  }

  @Test("cohorts of one person stay hidden and large ones are shown")
  func cohorts() throws {
    var aggregator = aggregator()
    var people = [[String]](repeating: ["large"], count: 500)
    for index in 0..<2000 { people.append(["single \(index)"]) }
    let release = try aggregator.cohortTable(
      of: people, cohortsPerPersonMax: 1, noiseMultiplier: NoiseMultiplier(3),
      delta: Delta(1e-6), thresholdDelta: Delta(1e-6))
    #expect(Set(release.value.counts.keys) == ["large"])
    // 1 + 4.75 sigma, and two for the lattice.
    #expect((16...19).contains(release.value.threshold))
    #expect(abs(release.delta - 2e-6) < 1e-12)
    #expect(release.charge.additionalDelta == 1e-6)
    #expect(release.mechanism == .thresholdedDiscreteGaussian)
  }

  @Test("a minimum count raises the bar of a cohort table")
  func cohortMinimum() throws {
    var aggregator = aggregator()
    let people = [[Int]](repeating: [1], count: 100)
    let release = try aggregator.cohortTable(
      of: people, cohortsPerPersonMax: 1, minimumCount: 150, noiseMultiplier: NoiseMultiplier(1),
      delta: Delta(1e-6), thresholdDelta: Delta(1e-6))
    #expect(release.value.counts.isEmpty && release.value.threshold == 150)
  }

  @Test("a quantile lands near the truth and honours both ends")
  func quantile() throws {
    var aggregator = aggregator()
    let values = (0..<1000).map { Double($0) } + [.nan]
    let candidates = (0...100).map { Double($0 * 10) }
    let median = try aggregator.quantile(
      0.5, of: values, candidates: candidates, epsilon: Epsilon(1))
    #expect(abs(median.value - 500) <= 30)
    let high = try aggregator.quantile(
      0.9, of: values, candidates: candidates, epsilon: Epsilon(1))
    #expect(abs(high.value - 900) <= 30)
    #expect(median.epsilon == 1 && median.delta == 0 && median.mechanism == .exponential)
    for bad in [0, 1, -1, .nan, 1e300] {
      #expect(throws: DifferentialPrivacyError.invalidQuantile) {
        try aggregator.quantile(bad, of: values, candidates: candidates, epsilon: Epsilon(1))
      }
    }
    for bad in [[], [1, 1], [Double.nan], [Double.infinity]] {
      #expect(throws: DifferentialPrivacyError.invalidDomain) {
        try aggregator.quantile(0.5, of: values, candidates: bad, epsilon: Epsilon(1))
      }
    }
  }

  @Test("a quantile follows the exponential mechanism's distribution")
  func quantileDistribution() throws {
    var aggregator = aggregator()
    // One person at 5: candidates 0 and 10 are off by p and 1 - p of 1, candidate 5 by 0.
    var hits = [Double: Int]()
    for _ in 0..<20_000 {
      let release = try aggregator.quantile(
        0.5, of: [5], candidates: [0, 5, 10], epsilon: Epsilon(2))
      hits[release.value, default: 0] += 1
    }
    // Weights e^-1, 1, e^-1.
    #expect(abs(Double(hits[5, default: 0]) / 20_000 - 0.576) < 0.02)
    #expect(abs(Double(hits[0, default: 0]) / 20_000 - 0.212) < 0.02)
  }

  @Test("a bounder keeps the first events of each person")
  func bounder() throws {
    var bounder = try ContributionBounder<String, Int>(eventsPerPersonMax: 2)
    let kept = [
      bounder.add(1, of: "p"), bounder.add(2, of: "p"), bounder.add(3, of: "p"),
      bounder.add(4, of: "q"),
    ]
    #expect(kept == [true, true, false, true])
    #expect(bounder.contributionsByPerson == ["p": [1, 2], "q": [4]])
    #expect(bounder.contributions.count == 2)
    #expect(throws: DifferentialPrivacyError.invalidContributionLimit(0)) {
      try ContributionBounder<String, Int>(eventsPerPersonMax: 0)
    }
  }
}
