/// What one person adds to a vector of totals: whole lattice units at a few of its dimensions, with
/// a norm that no history can raise above the limit. Only clipping makes one.
package struct LatticeVector: Hashable, Sendable {
  /// The dimensions, each once.
  package let indices: [Int]
  /// The units at each of them.
  package let units: [Int]
  /// The limit that the norm of the units keeps.
  package let latticeNorm: Int

  /// The weights, scaled down to the norm `clippingNorm` where they exceed it, in units of
  /// `clippingNorm / latticeNorm`, rounded towards 0.
  ///
  /// - Parameters:
  ///   - indices: the dimensions, each once.
  ///   - weights: finite; one for each index.
  package init(indices: [Int], weights: [Double], clippingNorm: Double, latticeNorm: Int) {
    precondition(indices.count == weights.count, "one weight for each dimension")
    let norm = weights.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let scale = min(1, clippingNorm / max(norm, 1e-300)) * Double(latticeNorm) / clippingNorm
    var units = weights.map { Int(($0 * scale).rounded(.towardZero)) }
    // The proof is in integers: floating point may be off by a unit where rounding did nothing.
    let limit = latticeNorm * latticeNorm
    while units.reduce(0, { $0 + $1 * $1 }) > limit {
      for index in units.indices { units[index] -= units[index].signum() }
    }
    self.indices = indices
    self.units = units
    self.latticeNorm = latticeNorm
  }

  /// The whole limit at one dimension: a person who counts there.
  package init(countingAt index: Int, latticeNorm: Int) {
    indices = [index]
    units = [latticeNorm]
    self.latticeNorm = latticeNorm
  }
}
