internal import Glibc

/// A table of which the keys came from the data: the cohorts that passed, and the bar they passed.
public struct CohortTable<Cohort: Hashable>: Equatable {
  /// Noisy numbers of people, each at least `threshold`.
  public let counts: [Cohort: Int]
  /// The smallest noisy count shown.
  public let threshold: Int
}

extension CohortTable: Sendable where Cohort: Sendable {}

extension PrivateAggregator {
  /// How many people have each of the declared keys.
  ///
  /// Each element of `people` holds the keys of one person: repeated and undeclared keys are
  /// passed over, and of the rest the first `keysPerPersonMax` count. Every declared key is in the
  /// answer, also those that nobody has: which keys appear says nothing.
  public mutating func histogram<Key: Hashable, Keys: Sequence<Key>>(
    of people: some Sequence<Keys>, declaredKeys: [Key], keysPerPersonMax: Int,
    noise: IntegerNoise
  ) throws(DifferentialPrivacyError) -> NoisyRelease<[Key: Int]> {
    guard !declaredKeys.isEmpty else { throw .invalidDomain }
    var counts = [Key: Int](minimumCapacity: declaredKeys.count)
    for key in declaredKeys where counts.updateValue(0, forKey: key) != nil {
      throw .invalidDomain
    }
    guard (1...Self.contributionLimitMax).contains(keysPerPersonMax) else {
      throw .invalidContributionLimit(keysPerPersonMax)
    }
    let limit = min(keysPerPersonMax, declaredKeys.count)
    let fitted = try FittedNoise(noise, l2Squared: limit, l1: limit)
    for keys in people {
      for key in firstDistinct(limit, of: keys, where: { counts[$0] != nil }) {
        counts[key, default: 0] += 1
      }
    }
    // In the declared order, so that one seed gives one answer.
    for key in declaredKeys {
      counts[key] = fitted.add(to: counts[key, default: 0], using: &sampler)
    }
    return fitted.release(counts)
  }

  /// How many people are in each cohort, for cohorts that are not known beforehand.
  ///
  /// A cohort that exists shows that somebody is in it. So only cohorts pass whose noisy count
  /// reaches a threshold; one person alone passes, in any of theirs, with probability
  /// `thresholdDelta` at most (Gaussian thresholding). Each person counts in their first
  /// `cohortsPerPersonMax` distinct cohorts. `minimumCount` raises the threshold further.
  ///
  /// The release's delta is `delta` plus `thresholdDelta`.
  public mutating func cohortTable<Cohort: Hashable & Comparable, Cohorts: Sequence<Cohort>>(
    of people: some Sequence<Cohorts>, cohortsPerPersonMax: Int, minimumCount: Int = 0,
    noiseMultiplier: NoiseMultiplier, delta: Delta, thresholdDelta: Delta
  ) throws(DifferentialPrivacyError) -> NoisyRelease<CohortTable<Cohort>> {
    guard (1...Self.contributionLimitMax).contains(cohortsPerPersonMax) else {
      throw .invalidContributionLimit(cohortsPerPersonMax)
    }
    let totalDelta = try Delta(delta.value + thresholdDelta.value)
    let fitted = try FittedNoise(
      .gaussian(noiseMultiplier, delta: delta), l2Squared: cohortsPerPersonMax,
      l1: cohortsPerPersonMax)
    let threshold = max(
      minimumCount,
      selectionThreshold(
        sigma: fitted.scale, delta: thresholdDelta.value / Double(cohortsPerPersonMax)))
    var counts: [Cohort: Int] = [:]
    for cohorts in people {
      for cohort in firstDistinct(cohortsPerPersonMax, of: cohorts, where: { _ in true }) {
        counts[cohort, default: 0] += 1
      }
    }
    var shown: [Cohort: Int] = [:]
    for cohort in counts.keys.sorted() {
      let count = fitted.add(to: counts[cohort, default: 0], using: &sampler)
      if count >= threshold { shown[cohort] = count }
    }
    return NoisyRelease(
      value: CohortTable(counts: shown, threshold: threshold),
      mechanism: .thresholdedDiscreteGaussian, noiseScale: fitted.scale,
      sensitivity: fitted.sensitivity,
      charge: .thresholdedGaussian(noiseMultiplier, thresholdDelta),
      epsilon: fitted.epsilon, delta: totalDelta.value)
  }

  /// One person's first so many distinct keys that pass.
  private func firstDistinct<Key: Hashable>(
    _ limit: Int, of keys: some Sequence<Key>, where passes: (Key) -> Bool
  ) -> Set<Key> {
    var chosen: Set<Key> = []
    for key in keys where passes(key) {
      chosen.insert(key)
      if chosen.count == limit { break }
    }
    return chosen
  }
}

/// The smallest count that 1 plus noise reaches with probability `delta` at most.
///
/// A discrete Gaussian reaches m with at most the probability that a continuous one reaches m - 1
/// (Canonne, Kamath and Steinke 2020, proposition 25).
func selectionThreshold(sigma: Double, delta: Double) -> Int {
  let logDelta = log(delta)
  var low = 0.0
  var high = 1.0
  while logNormalTail(high) > logDelta { high *= 2 }
  for _ in 0..<60 {
    let middle = (low + high) / 2
    if logNormalTail(middle) > logDelta { low = middle } else { high = middle }
  }
  return Int((high * sigma).rounded(.up)) + 2
}
