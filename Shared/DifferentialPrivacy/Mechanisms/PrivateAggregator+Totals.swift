extension PrivateAggregator {
  /// Totals over people of sparse vectors, such as how popular each item is: clipped by person,
  /// summed in integers, discrete Gaussian noise on **every** dimension.
  ///
  /// One element for each person. Totals are in lattice units: times `clipping.unit` they are
  /// weights. What is made of them (`topIndices`, rates, embeddings) costs nothing more.
  ///
  /// - Throws: `invalidDomain` for a dimension below 1, `invalidContribution` for a contribution
  ///   outside it, `invalidNoiseScale` when the lattice is too coarse or too fine for the noise.
  public mutating func totals(
    of contributions: some Sequence<SparseContribution>, dimension: Int,
    clipping: LatticeClipping, noiseMultiplier: NoiseMultiplier, delta: Delta
  ) throws(DifferentialPrivacyError) -> NoisyRelease<[Int]> {
    guard dimension > 0 else { throw .invalidDomain }
    let fitted = try FittedNoise(
      .gaussian(noiseMultiplier, delta: delta),
      l2Squared: clipping.latticeNorm * clipping.latticeNorm, l1: clipping.latticeNorm)
    var totals = [Int](repeating: 0, count: dimension)
    for contribution in contributions {
      guard contribution.dimensions.allSatisfy({ $0 < dimension }) else {
        throw .invalidContribution
      }
      let units = clipping.clip(contribution.weights)
      for (index, unitCount) in zip(contribution.dimensions, units) {
        // At most 2^24 a person: it takes 2^39 people to overflow.
        totals[index] += unitCount
      }
    }
    for index in totals.indices {
      totals[index] = fitted.add(to: totals[index], using: &sampler)
    }
    return fitted.release(totals)
  }
}
