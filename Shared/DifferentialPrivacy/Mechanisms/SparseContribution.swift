/// What one person adds to a vector of totals: weights at a few of its dimensions.
public struct SparseContribution: Hashable, Sendable {
  /// The dimensions, each once.
  public let dimensions: [Int]
  /// The weight at each of them.
  public let weights: [Double]

  /// Refuses lists of unequal length, negative or repeated dimensions and weights that are not
  /// finite.
  public init(dimensions: [Int], weights: [Double]) throws(DifferentialPrivacyError) {
    guard dimensions.count == weights.count, weights.allSatisfy(\.isFinite),
      dimensions.allSatisfy({ $0 >= 0 }), Set(dimensions).count == dimensions.count
    else { throw .invalidContribution }
    self.dimensions = dimensions
    self.weights = weights
  }
}

/// Bounds one person's vector: its L2 norm, on a lattice of integers so that discrete noise fits
/// exactly.
public struct LatticeClipping: Hashable, Sendable {
  /// The greatest lattice norm: its square still leaves room for totals over 2^31 people.
  public static let latticeNormMax = 1 << 24

  /// The norm that a person's weights are scaled down to when they exceed it.
  public let norm: Double
  /// How many lattice units a weight of `norm` makes: the L2 sensitivity on the lattice.
  public let latticeNorm: Int

  /// The weight of one lattice unit: multiply integer totals by this.
  public var unit: Double { norm / Double(latticeNorm) }

  /// Refuses norms that are not finite and above 0, and lattice norms outside 1...2^24.
  public init(norm: Double, latticeNorm: Int = 1024) throws(DifferentialPrivacyError) {
    guard norm.isFinite, norm > 0 else { throw .invalidBounds }
    guard (1...Self.latticeNormMax).contains(latticeNorm) else {
      throw .invalidContributionLimit(latticeNorm)
    }
    self.norm = norm
    self.latticeNorm = latticeNorm
  }

  /// The weights in lattice units, rounded towards 0, with an integer norm within `latticeNorm`.
  func clip(_ weights: [Double]) -> [Int] {
    // Dividing by the greatest first keeps the squares from overflowing.
    let greatest = weights.reduce(0) { max($0, abs($1)) }
    guard greatest > 0 else { return [Int](repeating: 0, count: weights.count) }
    let relativeNorm =
      weights.reduce(0) { $0 + ($1 / greatest) * ($1 / greatest) }.squareRoot()
    let scale = min(1 / relativeNorm, greatest / norm) * Double(latticeNorm)
    var units = weights.map { Int(($0 / greatest * scale).rounded(.towardZero)) }
    // The proof is in integers: floating point may be off by a unit where rounding did nothing.
    let limit = latticeNorm * latticeNorm
    while units.reduce(0, { $0 + $1 * $1 }) > limit {
      for index in units.indices where units[index] != 0 { units[index] -= units[index].signum() }
    }
    return units
  }
}
