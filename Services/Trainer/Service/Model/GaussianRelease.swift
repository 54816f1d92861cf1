internal import DifferentialPrivacy

/// One vector of totals over people with discrete Gaussian noise on each of its dimensions.
///
/// A person's vector lies on a lattice of integers with a norm of `latticeNorm` at most; the noise
/// has sigma = multiplier times that.
package struct GaussianRelease: Hashable, Sendable {
  /// The finest lattice: its noise still fits the exact sampler for multipliers up to 512.
  static let latticeNormMax = 1 << 17
  /// The largest sigma of the exact sampler.
  private static let sigmaMax = 0x1p26

  /// How many totals there are.
  package let dimension: Int
  /// Sigma over the norm of a person's vector.
  package let multiplier: Double
  /// The most that the norm of a person's vector can be, in lattice units.
  package let latticeNorm: Int

  /// The standard deviation of the noise on each total, in lattice units.
  package var sigma: Double { multiplier * Double(latticeNorm) }

  /// A release on the finest lattice whose noise can be sampled.
  init(dimension: Int, multiplier: Double) throws(TrainerError) {
    precondition(dimension > 0, "a release has at least one total")
    guard multiplier.isFinite, multiplier <= Self.sigmaMax / 2 else { throw .epsilonTooSmall }
    var latticeNorm = Self.latticeNormMax
    while multiplier * Double(latticeNorm) > Self.sigmaMax / 2 { latticeNorm /= 2 }
    self.dimension = dimension
    self.multiplier = multiplier
    self.latticeNorm = latticeNorm
  }

  var precision: Double { 1 / (multiplier * multiplier) }

  /// What the lattice can add to epsilon, over the same release with continuous noise.
  ///
  /// With X the discrete and N the continuous noise of one dimension, Pr[X >= t] <= Pr[N + 1 >= t]
  /// for every t (Canonne, Kamath and Steinke 2020, proposition 25, and its mirror image). The
  /// privacy loss of a person's vector v is (<X, v> + |v|^2 / 2) / sigma^2, so it is dominated by
  /// the continuous one plus |v|_1 / sigma^2, and |v|_1 <= sqrt(dimension) |v|_2. Delta at epsilon
  /// is the mean of a growing function of the loss: the shift can be added to epsilon, step by
  /// step also where releases are chosen one after the other.
  var roundingLoss: Double {
    Double(dimension).squareRoot() / (multiplier * multiplier * Double(latticeNorm))
  }
}
