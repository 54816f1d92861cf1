internal import Glibc

/// The Gaussian mechanism without sampling, exactly (Balle and Wang 2018).
///
/// For continuous noise of sigma = multiplier times the L2 sensitivity. Each answer errs on the
/// safe side, by less than one part in 10^12.
public enum AnalyticGaussian {
  /// The smallest delta for which the mechanism is (epsilon, delta)-private; `epsilon` may be 0.
  public static func delta(
    noiseMultiplier: NoiseMultiplier, epsilon: Double
  ) throws(DifferentialPrivacyError) -> Double {
    guard epsilon >= 0, epsilon.isFinite else { throw .invalidEpsilon(epsilon) }
    return exp(logDelta(sigma: noiseMultiplier.value, epsilon: epsilon))
  }

  /// The smallest epsilon for which the mechanism is (epsilon, delta)-private; 0 when the noise
  /// makes delta hold by itself.
  public static func epsilon(noiseMultiplier: NoiseMultiplier, delta: Delta) -> Double {
    epsilon(sigma: noiseMultiplier.value, delta: delta.value)
  }

  /// The smallest noise multiplier that is (epsilon, delta)-private.
  public static func noiseMultiplier(
    for target: PrivacyParameters
  ) throws(DifferentialPrivacyError) -> NoiseMultiplier {
    let logTarget = log(target.delta.value)
    func isPrivate(_ sigma: Double) -> Bool {
      logDelta(sigma: sigma, epsilon: target.epsilon.value) <= logTarget
    }
    let sigma = try smallestNoiseMultiplier(where: isPrivate)
    return try NoiseMultiplier(sigma)
  }

  /// The same without validation, for multipliers pooled over many releases.
  static func epsilon(sigma: Double, delta: Double) -> Double {
    let logTarget = log(delta)
    if logDelta(sigma: sigma, epsilon: 0) <= logTarget { return 0 }
    var low = 0.0
    // Concentrated privacy gives this upper bound (Bun and Steinke 2016).
    let rho = 1 / (2 * sigma * sigma)
    var high = rho + 2 * (rho * -logTarget).squareRoot()
    while high - low > 1e-13 * high {
      let middle = (low + high) / 2
      if middle == low || middle == high { break }
      let isEnough = logDelta(sigma: sigma, epsilon: middle) <= logTarget
      if isEnough { high = middle } else { low = middle }
    }
    return high
  }

  /// log(Phi(1 / 2s - e s) - e^e Phi(-1 / 2s - e s)), the log of the hockey-stick divergence.
  private static func logDelta(sigma: Double, epsilon: Double) -> Double {
    let first = logNormalTail(epsilon * sigma - 0.5 / sigma)
    let second = epsilon + logNormalTail(epsilon * sigma + 0.5 / sigma)
    guard second < first else { return -.infinity }
    return first + log(-expm1(second - first))
  }
}

/// log Pr[N(0, 1) > x], for any x.
func logNormalTail(_ x: Double) -> Double {
  if x < 0 { return log1p(-0.5 * erfc(-x * 0.5.squareRoot())) }
  if x < 30 { return log(0.5 * erfc(x * 0.5.squareRoot())) }
  // Abramowitz and Stegun 26.2.12: the terms fall fast enough here for full precision.
  let y = 1 / (x * x)
  let series = 1 - y * (1 - 3 * y * (1 - 5 * y * (1 - 7 * y * (1 - 9 * y))))
  return -0.5 * x * x - log(x * (2 * Double.pi).squareRoot()) + log(series)
}

/// The smallest noise multiplier (to one part in 10^12, on the private side) for which a
/// condition holds that stays true once noise makes it true.
func smallestNoiseMultiplier(
  relativeTolerance: Double = 1e-12,
  where isPrivate: (Double) throws(DifferentialPrivacyError) -> Bool
) throws(DifferentialPrivacyError) -> Double {
  var low = NoiseMultiplier.range.lowerBound
  if try isPrivate(low) { return low }
  var high = 1.0
  while try !isPrivate(high) {
    low = max(low, high)
    high *= 4
    guard high <= NoiseMultiplier.range.upperBound else { throw .targetUnreachable }
  }
  while high - low > relativeTolerance * high {
    let middle = (low * high).squareRoot()
    if middle <= low || middle >= high { break }
    if try isPrivate(middle) { high = middle } else { low = middle }
  }
  return high
}
