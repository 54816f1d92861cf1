internal import DifferentialPrivacy
internal import Foundation
package import PrivacyCore
package import VectorsAPI

/// Gaussian noise on the coordinates of a vector of unit length, and what it means.
///
/// Two unit vectors differ by 2 at most, so that noise of sigma on each coordinate is the Gaussian
/// mechanism with a noise multiplier of sigma / 2 for one release of one vector (Balle and Wang
/// 2018). The noise is drawn exactly on a lattice of 2^-20 (Canonne, Kamath and Steinke 2020), so
/// that its low bits tell nothing.
package struct VectorNoise: Hashable, Sendable {
  /// The standard deviation of the noise on each coordinate.
  package let sigma: Double
  private let delta: Double

  /// Below this epsilon a guarantee is called private: the largest that is commonly argued for.
  private static let privateEpsilonMax = 10.0
  private static let unitsPerOne = Double(1 << 20)
  /// The sampler's own limit, and far beyond what leaves anything of a unit vector.
  private static let sigmaMax = 60.0

  /// Noise of `sigma`; `nil` for 0.
  ///
  /// - Throws: `badNoise` for a number that is negative, not finite or beyond 60.
  package init?(sigma: Double, delta: Double) throws(VectorSearchError) {
    guard sigma.isFinite, sigma >= 0, sigma <= Self.sigmaMax else { throw .badNoise }
    if sigma == 0 { return nil }
    self.sigma = sigma
    self.delta = delta
  }

  /// The vector with noise on each coordinate.
  package func added(
    to vector: [Float], random: any RandomSource
  ) throws(VectorSearchError) -> [Float] {
    var sampler = NoiseSampler(random: random)
    guard let noise = try? DiscreteGaussian(sigma: max(1, sigma * Self.unitsPerOne)) else {
      throw .badNoise
    }
    return vector.map { value in
      let units = Int((Double(value) * Self.unitsPerOne).rounded())
      return Float(Double(units + sampler.sample(noise)) / Self.unitsPerOne)
    }
  }

  /// What the noise buys, in numbers and in a sentence.
  package var meaning: NoiseMeaning {
    let epsilon = epsilon
    let stated = Self.rounded(epsilon)
    let sentence =
      epsilon <= Self.privateEpsilonMax
      ? "private: epsilon \(stated) at delta \(delta) for one release of one vector"
      : "a utility-only setting: epsilon \(stated) at delta \(delta) for one release hides nobody"
    return NoiseMeaning(sigma: sigma, epsilon: epsilon, delta: delta, statement: sentence)
  }

  private var epsilon: Double {
    // Rounding to the lattice makes the vectors longer by less than sqrt(4,096) * 2^-21 = 2^-15.
    guard let multiplier = try? NoiseMultiplier(sigma / (2 * (1 + 0x1p-15))),
      let delta = try? Delta(delta)
    else {
      // So little noise that the accountant does not know it: less than any guarantee.
      return .greatestFiniteMagnitude
    }
    // What the lattice can add: the L1 norm of a difference over the variance, 2^-13 / sigma^2
    // (proposition 25 of the same paper).
    return AnalyticGaussian.epsilon(noiseMultiplier: multiplier, delta: delta)
      + 0x1p-13 / (sigma * sigma)
  }

  /// Rounded up, so that the sentence promises no more than there is.
  private static func rounded(_ epsilon: Double) -> String {
    guard epsilon < 1e9 else { return "beyond 10^9" }
    return String(format: "%.2f", (epsilon * 100).rounded(.up) / 100)
  }
}
