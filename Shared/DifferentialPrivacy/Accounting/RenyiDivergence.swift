internal import Glibc

/// Between two Gaussians one sensitivity apart: exactly order / (2 multiplier^2).
func gaussianRenyiDivergence(order: Double, noiseMultiplier: Double) -> Double {
  order / (2 * noiseMultiplier * noiseMultiplier)
}

/// The most a pure epsilon mechanism can show: randomised response (Bun and Steinke 2016).
func pureRenyiDivergence(order: Double, epsilon: Double) -> Double {
  // log(cosh((order - 1/2) epsilon) / cosh(epsilon / 2)) / (order - 1): for small arguments by the
  // difference of the two, for large ones with the exponentials taken out.
  let logRatio =
    order * epsilon < 30
    ? log1p(
      2 * sinh(order * epsilon / 2) * sinh((order - 1) * epsilon / 2) / cosh(epsilon / 2))
    : (order - 1) * epsilon + log1p(exp((1 - 2 * order) * epsilon)) - log1p(exp(-epsilon))
  return max(0, min(epsilon, logRatio / (order - 1)))
}

/// One step of the Poisson-subsampled Gaussian, the larger of both directions
/// (Mironov, Talwar and Zhang 2019, theorem 5: that is mixture against plain).
func sampledGaussianRenyiDivergence(
  order: Double, noiseMultiplier: Double, samplingRate: Double
) -> Double {
  if samplingRate == 0 { return 0 }
  if samplingRate == 1 {
    return gaussianRenyiDivergence(order: order, noiseMultiplier: noiseMultiplier)
  }
  let isWhole = order == order.rounded()
  let exponent = (order * order - order) / (2 * noiseMultiplier * noiseMultiplier)
  // The divergence grows with the order, so the next whole order is an upper bound; the integral
  // for a fractional one would overflow here.
  let usedOrder = isWhole || exponent > 300 ? max(2, order.rounded(.up)) : order
  let logMomentMinusOne =
    usedOrder == usedOrder.rounded()
    ? logMomentMinusOneByBinomials(
      order: Int(usedOrder), noiseMultiplier: noiseMultiplier, samplingRate: samplingRate)
    : logMomentMinusOneByIntegration(
      order: usedOrder, noiseMultiplier: noiseMultiplier, samplingRate: samplingRate)
  // log(1 + e^x), without losing small moments to the 1.
  let logMoment =
    logMomentMinusOne > 30
    ? logMomentMinusOne + exp(-logMomentMinusOne) : log1p(exp(logMomentMinusOne))
  return logMoment / (usedOrder - 1)
}

/// log(A - 1) for A = sum over k of C(order, k) (1 - q)^(order - k) q^k e^((k^2 - k) / 2 sigma^2).
/// Without the exponentials the sum is 1, so each may be lowered by 1: all terms stay positive.
private func logMomentMinusOneByBinomials(
  order: Int, noiseMultiplier: Double, samplingRate: Double
) -> Double {
  let halfPrecision = 1 / (2 * noiseMultiplier * noiseMultiplier)
  let logRate = log(samplingRate)
  let logComplement = log1p(-samplingRate)
  var logBinomial = 0.0
  var sum = LogSum()
  for k in 1...order {
    logBinomial += log(Double(order - k + 1)) - log(Double(k))
    guard k >= 2 else { continue }
    let gain = Double(k) * Double(k - 1) * halfPrecision
    let logGainMinusOne = gain > 40 ? gain : log(expm1(gain))
    sum.add(
      logBinomial + Double(k) * logRate + Double(order - k) * logComplement + logGainMinusOne)
  }
  return sum.value
}

/// The same for fractional orders, as the integral of (1 + q (e^y - 1))^order - 1 under the plain
/// Gaussian, y = (2 x - 1) / (2 sigma^2). The integrand is analytic for |Im x| < pi sigma^2, so
/// the trapezoidal rule errs by about e^(-2 pi^2 sigma^2 / spacing): below 1e-16 here.
private func logMomentMinusOneByIntegration(
  order: Double, noiseMultiplier: Double, samplingRate: Double
) -> Double {
  let variance = noiseMultiplier * noiseMultiplier
  let spacing = min(noiseMultiplier / 8, variance / 2)
  let logDensityScale = log(spacing / (noiseMultiplier * (2 * Double.pi).squareRoot()))
  let start = -12 * noiseMultiplier
  let count = Int(((order + 24 * noiseMultiplier) / spacing).rounded(.up))
  var total = 0.0
  for index in 0...count {
    let x = start + Double(index) * spacing
    let logDensity = logDensityScale - x * x / (2 * variance)
    let y = (2 * x - 1) / (2 * variance)
    let logRatio = y > 40 ? log(samplingRate) + y : log1p(samplingRate * expm1(y))
    let power = order * logRatio
    total += power > 1 ? exp(power + logDensity) - exp(logDensity) : expm1(power) * exp(logDensity)
  }
  return total > 0 ? log(total) : -.infinity
}

/// The logarithm of a sum of exponentials, without overflow.
struct LogSum {
  private var greatest = -Double.infinity
  private var scaledSum = 0.0

  var value: Double { scaledSum == 0 ? -.infinity : greatest + log(scaledSum) }

  mutating func add(_ exponent: Double) {
    if exponent == -.infinity { return }
    if exponent <= greatest {
      scaledSum += exp(exponent - greatest)
    } else {
      scaledSum = scaledSum * exp(greatest - exponent) + 1
      greatest = exponent
    }
  }
}
