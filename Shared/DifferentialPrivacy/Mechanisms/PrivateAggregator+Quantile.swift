extension PrivateAggregator {
  /// Which of the declared candidates comes closest to a quantile of one value for each person:
  /// the exponential mechanism on how many people lie on the wrong side, sampled exactly.
  ///
  /// A candidate c is judged by |below (1 - p) - above p| over max(p, 1 - p): people below and
  /// above c, p the quantile in thousandths. One person changes that by 1 at most. Values that are
  /// not numbers are passed over. Cost: O((people + candidates) log candidates), and as many
  /// draws as there are candidates in the worst case.
  public mutating func quantile(
    _ quantile: Double, of values: some Sequence<Double>, candidates: [Double], epsilon: Epsilon
  ) throws(DifferentialPrivacyError) -> NoisyRelease<Double> {
    guard quantile > 0, quantile < 1 else { throw .invalidQuantile }
    let thousandths = Int((quantile * 1000).rounded())
    guard (1...999).contains(thousandths) else { throw .invalidQuantile }
    let sorted = candidates.sorted()
    guard !sorted.isEmpty, sorted.allSatisfy(\.isFinite),
      zip(sorted, sorted.dropFirst()).allSatisfy({ $0 < $1 })
    else { throw .invalidDomain }

    // By prefix and suffix sums: below[i] values lie below candidate i, above[i + 1] above it.
    var below = [Int](repeating: 0, count: sorted.count + 1)
    var above = [Int](repeating: 0, count: sorted.count + 1)
    for value in values where !value.isNaN {
      below[sorted.firstIndexOfSorted { $0 > value }] += 1
      above[sorted.firstIndexOfSorted { $0 >= value }] += 1
    }
    for index in 1...sorted.count { below[index] += below[index - 1] }
    for index in stride(from: sorted.count - 1, through: 0, by: -1) {
      above[index] += above[index + 1]
    }
    let losses = sorted.indices.map { index in
      UInt128((below[index] * (1000 - thousandths) - above[index + 1] * thousandths).magnitude)
    }
    let least = losses.reduce(UInt128.max) { min($0, $1) }
    let sensitivity = UInt128(max(thousandths, 1000 - thousandths))

    // Candidate i with probability proportional to exp(-epsilon (loss - least) / (2 sensitivity)),
    // by rejection; epsilon as a fraction of 2^30, rounded down, at most 2^20.
    let fraction = UInt128(min(epsilon.value, 0x1p20) * 0x1p30)
    guard fraction > 0 else { throw .invalidEpsilon(epsilon.value) }
    while true {
      let index = Int(sampler.uniform(below: UInt64(sorted.count)))
      let exponent = (losses[index] - least) * fraction
      if sampler.happensExp(minus: exponent, over: 2 * sensitivity << 30) {
        return NoisyRelease(
          value: sorted[index], mechanism: .exponential, noiseScale: 0, sensitivity: 1,
          charge: .pure(epsilon), epsilon: epsilon.value, delta: 0)
      }
    }
  }
}

extension [Double] {
  /// The first index at which a condition holds that stays true once it is; `count` if none.
  fileprivate func firstIndexOfSorted(where condition: (Double) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if condition(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
