internal import Glibc

/// The exact epsilon of a single step, where a closed form or few atoms give it; a sum over a
/// grid would have nothing to smooth it.
func exactEpsilonOfOneStep(_ source: any LossSource, delta: Double) -> Double? {
  switch source {
  case let sampled as SampledGaussianLoss:
    return max(
      sampledGaussianEpsilon(sampled, direction: .removal, delta: delta),
      sampledGaussianEpsilon(sampled, direction: .addition, delta: delta))
  case let laplace as LaplaceLoss:
    // delta = 1 - e^((epsilon - 1 / scale) / 2).
    return max(0, 1 / laplace.scale + 2 * log1p(-delta))
  case is GaussianLoss: return nil
  default:
    return epsilon(
      of: source.atoms(.removal, spacing: .infinity, missingMass: delta * 1e-9), delta: delta)
  }
}

/// By sums over the atoms from the greatest loss down.
private func epsilon(of atoms: LossAtoms, delta: Double) -> Double {
  let order = atoms.losses.indices.sorted { atoms.losses[$0] > atoms.losses[$1] }
  let target = delta - atoms.missingMass
  var massAbove = 0.0
  var logDualAbove = LogSum()
  for index in order {
    let loss = atoms.losses[index]
    // Delta at epsilon = this loss.
    if massAbove - exp(logDualAbove.value + loss) >= target { break }
    if loss <= 0 { return 0 }
    massAbove += exp(atoms.logMasses[index])
    logDualAbove.add(atoms.logMasses[index] - loss)
  }
  guard massAbove > target else { return 0 }
  return max(0, log(massAbove - target) - logDualAbove.value)
}

/// Bisects the hockey-stick divergence: both sides are Gaussian tails beyond one point.
private func sampledGaussianEpsilon(
  _ loss: SampledGaussianLoss, direction: LossDirection, delta: Double
) -> Double {
  let sigma = loss.sigma
  let rate = loss.rate
  let logTarget = log(delta)
  /// log(x / (1 - x)) style: where the mixture is `logRatio` times as likely as the plain one.
  func crossing(logRatio: Double) -> Double? {
    // 1 - q + q e^y = e^logRatio.
    let excess = expm1(logRatio) + rate
    guard excess > 0 else { return nil }
    let y = logRatio > 40 ? logRatio - log(rate) : log(excess / rate)
    return sigma * sigma * y + 0.5
  }
  func logDelta(_ epsilon: Double) -> Double {
    switch direction {
    case .removal:
      guard let x = crossing(logRatio: epsilon) else { return -.infinity }
      // Pr[mixture > x] - e^epsilon Pr[plain > x]
      //   = q Pr[shifted > x] - (q + e^epsilon - 1) Pr[plain > x].
      let first = log(rate) + logNormalTail((x - 1) / sigma)
      let excess = epsilon > 40 ? epsilon : log(expm1(epsilon) + rate)
      let second = excess + logNormalTail(x / sigma)
      return second < first ? first + log(-expm1(second - first)) : -.infinity
    case .addition:
      guard let x = crossing(logRatio: -epsilon) else { return -.infinity }
      // Pr[plain < x] - e^epsilon Pr[mixture < x]
      //   = (1 - e^epsilon (1 - q)) Pr[plain < x] - e^epsilon q Pr[shifted < x].
      let share = -expm1(epsilon + log1p(-rate))
      guard share > 0 else { return -.infinity }
      let first = log(share) + logNormalTail(-x / sigma)
      let second = epsilon + log(rate) + logNormalTail((1 - x) / sigma)
      return second < first ? first + log(-expm1(second - first)) : -.infinity
    }
  }
  if logDelta(0) <= logTarget { return 0 }
  var low = 0.0
  var high = 1.0
  while logDelta(high) > logTarget { high *= 2 }
  while high - low > 1e-13 * high {
    let middle = (low + high) / 2
    if middle == low || middle == high { break }
    if logDelta(middle) <= logTarget { high = middle } else { low = middle }
  }
  return high
}
