internal import Glibc

/// The privacy loss log(P / Q) of one step under P, as atoms: the input of a composition.
///
/// Masses are kept as logarithms, so that a tilt can lift the far tail.
struct LossAtoms {
  var losses: [Double] = []
  var logMasses: [Double] = []
  /// An end of the range near which much mass may sit: the grid starts there, so that it need
  /// not be split.
  var anchor: Double
  /// Mass of P that no atom holds: counted as infinite loss.
  var missingMass = 0.0

  mutating func append(loss: Double, logMass: Double) {
    losses.append(loss)
    logMasses.append(logMass)
  }

  /// log E[e^(tilt L)] and its first two derivatives.
  func cumulants(tilt: Double) -> (log: Double, mean: Double, variance: Double) {
    var greatest = -Double.infinity
    for index in losses.indices {
      greatest = max(greatest, logMasses[index] + tilt * losses[index])
    }
    var sum = 0.0
    var first = 0.0
    var second = 0.0
    for index in losses.indices {
      let exponent = logMasses[index] + tilt * losses[index] - greatest
      if exponent < -60 { continue }
      let weight = exp(exponent)
      let distance = losses[index] - anchor
      sum += weight
      first += weight * distance
      second += weight * distance * distance
    }
    let mean = first / sum
    return (greatest + log(sum), anchor + mean, max(0, second / sum - mean * mean))
  }
}

extension LossAtoms {
  /// The tilted masses on the grid anchor + i * spacing, i modulo `count`, a power of two.
  func gridMasses(tilt: Double, logMoment: Double, spacing: Double, count: Int) -> [Double] {
    var masses = [Double](repeating: 0, count: count)
    let mask = count - 1
    forEachGridMass(tilt: tilt, logMoment: logMoment, spacing: spacing) { index, lower, upper in
      masses[index & mask] += lower
      masses[(index + 1) & mask] += upper
    }
    return masses
  }

  /// Their sum: 1, and what the grid adds.
  func gridMassSum(tilt: Double, logMoment: Double, spacing: Double) -> Double {
    var sum = 0.0
    forEachGridMass(tilt: tilt, logMoment: logMoment, spacing: spacing) { _, lower, upper in
      sum += lower + upper
    }
    return sum
  }

  /// Splits every atom between the grid points around it.
  @inline(__always)
  private func forEachGridMass(
    tilt: Double, logMoment: Double, spacing: Double,
    _ body: (_ index: Int, _ lower: Double, _ upper: Double) -> Void
  ) {
    let lift = exp(tilt * spacing)
    let width = -expm1(-spacing)
    let inverseSpacing = 1 / spacing
    for (loss, logMass) in zip(losses, logMasses) {
      let position = (loss - anchor) * inverseSpacing
      let below = position.rounded(.down)
      let exponent = logMass + tilt * (anchor + below * spacing) - logMoment
      if exponent < -100 { continue }
      let mass = exp(exponent)
      // The upper neighbour's share, so that the mass under Q, e^-loss, is kept as well.
      let upperShare = min(1, -expm1((below - position) * spacing) / width)
      body(Int(below), mass * (1 - upperShare), mass * upperShare * lift)
    }
  }
}
