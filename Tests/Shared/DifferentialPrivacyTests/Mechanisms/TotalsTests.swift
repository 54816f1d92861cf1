import DifferentialPrivacy
import PrivacyCore
import TestSupport
import Testing

@Suite("Noisy totals of sparse vectors")
struct TotalsTests {
  private func totals(
    _ contributions: [SparseContribution], dimension: Int, norm: Double = 1, multiplier: Double = 1
  ) throws -> NoisyRelease<[Int]> {
    var aggregator = PrivateAggregator(random: SeededRandom(seed: 5))
    return try aggregator.totals(
      of: contributions, dimension: dimension, clipping: LatticeClipping(norm: norm),
      noiseMultiplier: NoiseMultiplier(multiplier), delta: Delta(1e-6))
  }

  @Test("the most popular items come first, in lattice units with their noise stated")
  func popularity() throws {
    var people: [SparseContribution] = []
    for person in 0..<900 {
      people.append(
        try SparseContribution(
          dimensions: person % 3 == 0 ? [7, 3] : [7], weights: person % 3 == 0 ? [3, 4] : [9]))
    }
    let release = try totals(people, dimension: 10)
    #expect(release.topIndices(2) == [7, 3])
    #expect(release.topIndices(-1).isEmpty)
    #expect(release.value.count == 10)
    // 600 whole units and 300 times 3/5; 300 times 4/5.
    #expect(abs(Double(release.value[7]) / 1024 - 780) < 6)
    #expect(abs(Double(release.value[3]) / 1024 - 240) < 6)
    #expect(release.sensitivity == 1024)
    #expect(release.noiseScale >= 1024)
  }

  @Test("dimensions nobody touched get noise too")
  func untouched() throws {
    let release = try totals([], dimension: 200)
    #expect(release.value.filter { $0 == 0 }.count < 5)
  }

  @Test("one person moves the totals by no more than the lattice norm, whatever their weights")
  func onePersonIsBounded() throws {
    let weights: [[Double]] = [
      [1e300, 1e300, -1e300], [1e-300, 0, 0], [0, 0, 0], [1, 1, 1], [0.3, -0.3, 0.1],
      [.greatestFiniteMagnitude, 1, 1], [.leastNonzeroMagnitude, 0, 0],
    ]
    // The same seed draws the same noise, so the difference is the person.
    let without = try totals([], dimension: 3)
    for vector in weights {
      let with = try totals(
        [SparseContribution(dimensions: [0, 1, 2], weights: vector)], dimension: 3)
      let squares = zip(with.value, without.value).reduce(0) {
        $0 + ($1.0 - $1.1) * ($1.0 - $1.1)
      }
      #expect(squares <= 1024 * 1024)
    }
  }

  @Test("contributions below the norm keep their weight")
  func smallContributions() throws {
    let without = try totals([], dimension: 1, norm: 2)
    let with = try totals(
      [SparseContribution(dimensions: [0], weights: [1])], dimension: 1, norm: 2)
    #expect(with.value[0] - without.value[0] == 512)
    #expect(try LatticeClipping(norm: 2).unit * 512 == 1)
  }

  @Test("malformed contributions and domains are refused")
  func refusals() throws {
    let error = DifferentialPrivacyError.invalidContribution
    #expect(throws: error) { try SparseContribution(dimensions: [0], weights: []) }
    #expect(throws: error) { try SparseContribution(dimensions: [1, 1], weights: [1, 1]) }
    #expect(throws: error) { try SparseContribution(dimensions: [-1], weights: [1]) }
    #expect(throws: error) { try SparseContribution(dimensions: [0], weights: [.nan]) }
    #expect(throws: error) {
      try totals([SparseContribution(dimensions: [4], weights: [1])], dimension: 4)
    }
    #expect(throws: DifferentialPrivacyError.invalidDomain) { try totals([], dimension: 0) }
    #expect(throws: DifferentialPrivacyError.invalidBounds) { try LatticeClipping(norm: 0) }
    #expect(throws: DifferentialPrivacyError.invalidBounds) { try LatticeClipping(norm: .nan) }
    #expect(throws: DifferentialPrivacyError.invalidContributionLimit(0)) {
      try LatticeClipping(norm: 1, latticeNorm: 0)
    }
    #expect(throws: DifferentialPrivacyError.self) { try totals([], dimension: 1, multiplier: 1e6) }
  }
}
