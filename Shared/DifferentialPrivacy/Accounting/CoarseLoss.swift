internal import Glibc

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
