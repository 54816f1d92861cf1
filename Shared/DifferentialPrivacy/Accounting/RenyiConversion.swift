internal import Glibc

/// What to add to a Rényi divergence of the given order to get epsilon at delta (Canonne, Kamath
/// and Steinke 2020, proposition 12). May be negative; epsilon itself is never below 0.
func renyiConversionTerm(order: Double, delta: Double) -> Double {
  log1p(-1 / order) - (log(delta) + log(order)) / (order - 1)
}

/// The epsilon at delta of a rho-concentrated mechanism: the Rényi bound at its best real order.
func concentratedEpsilon(rho: Double, delta: Double) -> Double {
  func epsilon(_ logOrderMinusOne: Double) -> Double {
    let order = 1 + exp(logOrderMinusOne)
    return rho * order + renyiConversionTerm(order: order, delta: delta)
  }
  // Every order gives a valid bound, so the search may stop anywhere; around the best order for
  // the classic conversion it finds the minimum of a function with one valley.
  let centre = 0.5 * log(max(-log(delta), 1e-3) / rho)
  var low = centre - 4
  var high = centre + 4
  let ratio = 0.618_033_988_749_894_9
  for _ in 0..<60 {
    let left = high - ratio * (high - low)
    let right = low + ratio * (high - low)
    if epsilon(left) < epsilon(right) { high = right } else { low = left }
  }
  return max(0, epsilon((low + high) / 2))
}
