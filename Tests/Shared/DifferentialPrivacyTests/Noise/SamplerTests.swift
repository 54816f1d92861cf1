import DifferentialPrivacy
import PrivacyCore
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Pearson's statistic over its degrees of freedom: near 1 when the samples follow the weights.
private func chiSquarePerDegree(_ samples: [Int], weight: (Int) -> Double) -> Double {
  var counts: [Int: Int] = [:]
  for sample in samples { counts[sample, default: 0] += 1 }
  let norm = (-4000...4000).reduce(0.0) { $0 + weight($1) }
  var statistic = 0.0
  var cellCount = 0
  for value in -4000...4000 {
    let expected = weight(value) / norm * Double(samples.count)
    guard expected >= 10 else { continue }
    let difference = Double(counts[value, default: 0]) - expected
    statistic += difference * difference / expected
    cellCount += 1
  }
  return statistic / Double(cellCount)
}

@Suite("Exact noise")
struct SamplerTests {
  @Test("discrete Gaussian samples follow their distribution", arguments: [0.3, 1, 1.7, 12.5, 40])
  func gaussianFollows(sigma: Double) throws {
    let noise = try DiscreteGaussian(sigma: sigma)
    var sampler = NoiseSampler(random: SeededRandom(seed: 7))
    var samples: [Int] = []
    for _ in 0..<60_000 { samples.append(sampler.sample(noise)) }
    let ratio = chiSquarePerDegree(samples) { exp(-Double($0 * $0) / (2 * sigma * sigma)) }
    // Five standard deviations with as few as 3 cells.
    #expect(ratio < 4 && ratio > 0.05)
  }

  @Test("discrete Laplace samples follow their distribution", arguments: [0.4, 1, 3.3, 25])
  func laplaceFollows(scale: Double) throws {
    let noise = try DiscreteLaplace(scale: scale)
    var sampler = NoiseSampler(random: SeededRandom(seed: 8))
    var samples: [Int] = []
    for _ in 0..<60_000 { samples.append(sampler.sample(noise)) }
    let ratio = chiSquarePerDegree(samples) { exp(-Double(abs($0)) / scale) }
    #expect(ratio < 4 && ratio > 0.05)
  }

  @Test("moments of a wide Gaussian are right", arguments: [1000.0, 67_000_000])
  func wideMoments(sigma: Double) throws {
    let noise = try DiscreteGaussian(sigma: sigma)
    var sampler = NoiseSampler(random: SeededRandom(seed: 9))
    var sum = 0.0
    var squares = 0.0
    let count = 40_000.0
    for _ in 0..<Int(count) {
      let sample = Double(sampler.sample(noise)) / sigma
      sum += sample
      squares += sample * sample
    }
    #expect(abs(sum / count) < 0.03)
    #expect(abs(squares / count - 1) < 0.04)
  }

  @Test("one seed gives one history, another seed another")
  func repeatable() throws {
    func history(seed: UInt64) throws -> [Int] {
      var sampler = NoiseSampler(random: SeededRandom(seed: seed))
      let gaussian = try DiscreteGaussian(sigma: 100)
      var samples: [Int] = []
      for _ in 0..<50 { samples.append(sampler.sample(gaussian)) }
      return samples
    }
    #expect(try history(seed: 1) == history(seed: 1))
    #expect(try history(seed: 1) != history(seed: 2))
  }

  @Test("scales are rounded up, by less than one part in a million, and held to their range")
  func scales() throws {
    for scale in [0.015625, 0.1, 1.2, 3.14159, 1e5 + 0.1, 67_108_864] {
      let used = try DiscreteGaussian(sigma: scale).sigma
      #expect(used >= scale && used <= scale * (1 + 1e-6))
      #expect(try DiscreteLaplace(scale: scale).scale == used)
    }
    for scale in [0, -1, 0.0156, 67_108_865, .nan, .infinity] {
      #expect(throws: DifferentialPrivacyError.self) { try DiscreteGaussian(sigma: scale) }
      #expect(throws: DifferentialPrivacyError.self) { try DiscreteLaplace(scale: scale) }
    }
  }

  @Test("a Poisson sample takes each person at the rate, nobody at 0 and everybody at 1")
  func poissonSample() throws {
    var sampler = NoiseSampler(random: SeededRandom(seed: 3))
    #expect(try sampler.poissonSample(of: 0..<1000, rate: SamplingRate(0)).isEmpty)
    #expect(sampler.poissonSample(of: 0..<1000, rate: .everybody).count == 1000)
    let count = try sampler.poissonSample(of: 0..<40_000, rate: SamplingRate(0.25)).count
    #expect(abs(count - 10_000) < 500)
  }
}
