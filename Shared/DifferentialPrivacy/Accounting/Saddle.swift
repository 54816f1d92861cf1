internal import Glibc

/// How to look at the summed privacy loss near a given epsilon: an exponential tilt that lifts
/// the masses there out of the rounding errors, and the window of losses that then counts.
///
/// The tilt is the least that suffices. More would centre rare far losses instead, and with them
/// widen the window.
struct Saddle {
  /// A transform's rounding errors, about 10^-15 of all mass, must stay far below what is
  /// measured, which is lifted to 10^-7 or more.
  private static let logLiftedMin = -16.0
  /// Mass outside the window wraps around and must not show wherever it lands.
  private static let logOutsideMax = -34.0

  /// The epsilon looked near.
  let epsilon: Double
  let tilt: Double
  let low: Double
  let width: Double

  /// - Parameters:
  ///   - parts: the coarse atoms of each kind of step and how often it runs.
  ///   - logTiltMax: at most this tilt, as its logarithm: the one of the Chernoff bound.
  init(_ parts: CoarseLoss, near epsilon: Double, delta: Double, tiltMax: Double) {
    let goal = log(delta) - Self.logLiftedMin
    // The lift K(tilt) - tilt * epsilon falls from 0 on, up to the saddle.
    var tilt = 0.0
    if goal < 0 {
      var low = 0.0
      var high = tiltMax
      for _ in 0..<30 {
        let middle = (low + high) / 2
        let sums = parts.cumulants(tilt: middle)
        if sums.log - middle * epsilon <= goal || sums.mean >= epsilon {
          high = middle
        } else {
          low = middle
        }
      }
      tilt = high
    }
    self.epsilon = epsilon
    self.tilt = tilt

    // Chernoff bounds on both tails of the tilted loss, each at the best of some exponents.
    let sums = parts.cumulants(tilt: tilt)
    let deviation = max(sums.variance.squareRoot(), 1e-9 * abs(sums.mean), 1e-9)
    var below = Double.infinity
    var above = Double.infinity
    let exponents =
      [0.5, 1, 2, 4, 6, 8, 12].map { $0 / deviation }
      + [0.1, 0.25, 0.5, 0.75, 1].map { $0 * (tiltMax + tilt) }
    for exponent in exponents {
      let lower = parts.cumulants(tilt: tilt - exponent).log - sums.log
      below = min(below, (lower + exponent * sums.mean - Self.logOutsideMax) / exponent)
      let upper = parts.cumulants(tilt: tilt + exponent).log - sums.log
      above = min(above, (upper - exponent * sums.mean - Self.logOutsideMax) / exponent)
    }
    let margin = 1e-6 * (below + above)
    low = min(sums.mean - below, epsilon - 0.05 * (below + above)) - margin
    width = max(sums.mean + above, epsilon + 0.05 * (below + above)) + margin - low
  }
}

/// The steps of a plan with few atoms each: good for moments.
struct CoarseLoss {
  let parts: [(atoms: LossAtoms, stepCount: Double)]

  /// The greatest loss that all steps together can have.
  var greatestLoss: Double {
    parts.reduce(0) { $0 + ($1.atoms.losses.max() ?? 0) * $1.stepCount }
  }

  /// The logarithm of the moment generating function and its first two derivatives.
  func cumulants(tilt: Double) -> (log: Double, mean: Double, variance: Double) {
    var total = (log: 0.0, mean: 0.0, variance: 0.0)
    for part in parts {
      let one = part.atoms.cumulants(tilt: tilt)
      total.log += one.log * part.stepCount
      total.mean += one.mean * part.stepCount
      total.variance += one.variance * part.stepCount
    }
    return total
  }

  /// An upper bound on epsilon, that of Rényi order tilt + 1 at the best tilt, and this tilt.
  func chernoffBound(delta: Double) -> (epsilon: Double, tilt: Double) {
    func bound(_ logTilt: Double) -> Double {
      let tilt = exp(logTilt)
      let logMoment = cumulants(tilt: tilt).log
      return (logMoment - log(delta) + tilt * log(tilt / (tilt + 1)) - log1p(tilt)) / tilt
    }
    // Any tilt is valid; a golden section search finds a good one.
    var low = -7.0
    var high = 10.0
    let ratio = 0.618_033_988_749_894_9
    var left = high - ratio * (high - low)
    var right = low + ratio * (high - low)
    var leftBound = bound(left)
    var rightBound = bound(right)
    for _ in 0..<28 {
      if leftBound < rightBound {
        (high, right, rightBound) = (right, left, leftBound)
        left = high - ratio * (high - low)
        leftBound = bound(left)
      } else {
        (low, left, leftBound) = (left, right, rightBound)
        right = low + ratio * (high - low)
        rightBound = bound(right)
      }
    }
    return leftBound < rightBound ? (leftBound, exp(left)) : (rightBound, exp(right))
  }

  /// How much of log delta the grid adds at this tilt.
  func gridExcess(tilt: Double, spacing: Double) -> Double {
    parts.reduce(0.0) { sum, part in
      let logMoment = part.atoms.cumulants(tilt: tilt).log
      let massSum = part.atoms.gridMassSum(tilt: tilt, logMoment: logMoment, spacing: spacing)
      return sum + part.stepCount * log(massSum)
    }
  }
}
