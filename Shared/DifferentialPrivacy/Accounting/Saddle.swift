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
  ///   - tiltMax: at most this tilt, that of the Chernoff bound.
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
