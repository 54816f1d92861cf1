/// The noise a mechanism adds to integers.
public enum IntegerNoise: Hashable, Sendable {
  /// Discrete Gaussian noise of sigma = multiplier times the L2 sensitivity. Delta only states at
  /// which failure probability the release reports its epsilon.
  case gaussian(NoiseMultiplier, delta: Delta)
  /// Discrete Laplace noise of scale = L1 sensitivity / epsilon: a pure guarantee.
  case laplace(Epsilon)
}

/// Integer noise fitted to a sensitivity, ready to draw from.
struct FittedNoise {
  private enum Distribution {
    case gaussian(DiscreteGaussian)
    case laplace(DiscreteLaplace)
  }

  private let distribution: Distribution
  let mechanism: PrivacyMechanism
  let scale: Double
  let sensitivity: Double
  let charge: PrivacyCharge
  let epsilon: Double
  let delta: Double

  /// - Parameters:
  ///   - l2Squared: the square of the L2 sensitivity, a whole number.
  ///   - l1: the L1 sensitivity.
  ///   - repetitions: so many statistics of this sensitivity are released together; Gaussian
  ///     noise grows by its root, Laplace noise by itself, and the whole costs what was asked.
  init(
    _ noise: IntegerNoise, l2Squared: Int, l1: Int, repetitions: Int = 1
  ) throws(DifferentialPrivacyError) {
    switch noise {
    case .gaussian(let multiplier, let reportedDelta):
      sensitivity = Double(l2Squared).squareRoot()
      let gaussian = try DiscreteGaussian(
        sigma: multiplier.value * sensitivity * Double(repetitions).squareRoot().nextUp)
      distribution = .gaussian(gaussian)
      mechanism = .discreteGaussian
      scale = gaussian.sigma
      charge = .gaussian(multiplier)
      epsilon = concentratedEpsilon(
        rho: 1 / (2 * multiplier.value * multiplier.value), delta: reportedDelta.value)
      delta = reportedDelta.value
    case .laplace(let asked):
      sensitivity = Double(l1)
      let laplace = try DiscreteLaplace(
        scale: (sensitivity * Double(repetitions) / asked.value).nextUp)
      distribution = .laplace(laplace)
      mechanism = .discreteLaplace
      scale = laplace.scale
      charge = .pure(asked)
      epsilon = asked.value
      delta = 0
    }
  }

  /// The total plus one sample, held within `Int`.
  func add(to total: Int, using sampler: inout NoiseSampler) -> Int {
    let noise =
      switch distribution {
      case .gaussian(let gaussian): sampler.sample(gaussian)
      case .laplace(let laplace): sampler.sample(laplace)
      }
    let sum = total.addingReportingOverflow(noise)
    return sum.overflow ? (noise < 0 ? .min : .max) : sum.partialValue
  }

  func release<Value>(_ value: Value, unit: Double = 1) -> NoisyRelease<Value> {
    NoisyRelease(
      value: value, mechanism: mechanism, noiseScale: scale * unit,
      sensitivity: sensitivity * unit, charge: charge, epsilon: epsilon, delta: delta)
  }
}
