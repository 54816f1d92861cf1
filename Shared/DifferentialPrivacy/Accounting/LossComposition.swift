internal import Glibc

/// The tight epsilon of many steps in one direction: the distribution of the summed privacy loss
/// by Fourier transform, tilted exponentially (Esscher) so that the mass at the answer stands far
/// above rounding errors, however small delta is.
///
/// Atoms go to a grid so that their masses under P *and* under Q are kept. That spreads the loss
/// in convex order, so the hockey-stick divergence can only grow: the result errs above the
/// truth. By how much is the growth of the grid's moment, which chooses the spacing.
struct LossComposition {
  /// The error to aim at, relative to epsilon; always above the truth.
  private static let relativeTolerance = 5e-5
  private static let gridCountMin = 1 << 12
  private static let gridCountMax = 1 << 19
  /// How far below the epsilon looked near errors stay small: they grow by e^10.
  private static let logAmplificationMax = 10.0
  /// Tilted mass added on the safe side for rounding and for what the window leaves out.
  private static let roundingAllowance = 1e-13

  /// Each kind of step and how often it runs.
  let parts: [(source: any LossSource, stepCount: Double)]
  let direction: LossDirection

  /// The smallest epsilon, 0 or more, for which the steps are (epsilon, delta)-private.
  /// `floor` is an epsilon already needed for other reasons: not exceeding it, it comes back.
  func epsilon(delta: Double, floor: Double = 0) -> Double {
    let stepCount = parts.reduce(0) { $0 + $1.stepCount }
    let missingMass = delta * 1e-6 / max(stepCount, 1)
    let coarse = CoarseLoss(
      parts: parts.map { part in
        (part.source.atoms(direction, spacing: .infinity, missingMass: missingMass), part.stepCount)
      })
    if coarse.greatestLoss <= floor { return floor }
    let chernoff = coarse.chernoffBound(delta: delta)

    // Every answer errs above the truth, so the search only goes down: from the Chernoff bound,
    // with a grid that gets finer as epsilon and its slope become known.
    var best = min(chernoff.epsilon, coarse.greatestLoss)
    guard best.isFinite else { return .infinity }
    var slope = chernoff.tilt
    var usedCount = 0
    for attempt in 0..<12 where best > floor {
      let saddle = Saddle(coarse, near: best, delta: delta, tiltMax: chernoff.tilt)
      let tolerance = attempt == 0 ? 1e-2 : Self.relativeTolerance
      let count = gridCount(coarse, tilt: slope, width: saddle.width, tolerance: tolerance * best)
      let isSettled = attempt > 0 && count <= usedCount
      if isSettled { break }
      switch answer(delta: delta, missingMass: missingMass, saddle: saddle, count: count) {
      case .found(let epsilon, let newSlope):
        let isClose = saddle.tilt * (best - epsilon) <= Self.logAmplificationMax / 2
        best = min(best, epsilon)
        slope = newSlope
        usedCount = isClose ? count : 0
      case .below(let epsilon):
        best = min(best, epsilon)
      }
    }
    return max(floor, best)
  }

  private enum Answer {
    /// Enough, and how fast log delta falls there.
    case found(Double, slope: Double)
    /// Enough, but the smallest lies so far below that rounding errors would show.
    case below(Double)
  }

  /// How many grid points keep the error of epsilon within the tolerance.
  private func gridCount(
    _ coarse: CoarseLoss, tilt: Double, width: Double, tolerance: Double
  ) -> Int {
    var count = Self.gridCountMin
    while count < Self.gridCountMax,
      coarse.gridExcess(tilt: tilt, spacing: width / Double(count)) > tolerance * tilt
    { count *= 2 }
    return count
  }

  private func answer(
    delta: Double, missingMass: Double, saddle: Saddle, count: Int
  ) -> Answer {
    let tilt = saddle.tilt
    let spacing = saddle.width / Double(count)
    let transform = FourierTransform(count: count)

    var offset = 0.0
    var logMoment = 0.0
    var leftOut = 0.0
    var spectrum = Spectrum.one(count: count)
    for part in parts {
      let atoms = part.source.atoms(direction, spacing: spacing, missingMass: missingMass)
      let partLogMoment = atoms.cumulants(tilt: tilt).log
      offset += atoms.anchor * part.stepCount
      logMoment += partLogMoment * part.stepCount
      leftOut += atoms.missingMass * part.stepCount
      var partSpectrum = Spectrum(
        real: atoms.gridMasses(
          tilt: tilt, logMoment: partLogMoment, spacing: spacing, count: count),
        imaginary: [Double](repeating: 0, count: count))
      transform.forward(&partSpectrum.real, &partSpectrum.imaginary)
      spectrum.multiply(by: &partSpectrum, toThePower: part.stepCount)
    }
    transform.inverse(&spectrum.real, &spectrum.imaginary)

    // Everything below is in units of e^(logMoment - tilt * saddle.epsilon).
    let logUnit = logMoment - tilt * saddle.epsilon
    let target = (delta - leftOut) * exp(-logUnit)
    // The grid is circular: its first point is the one nearest to the window's lower end.
    let lowIndex = ((saddle.low - offset) / spacing).rounded(.down)
    let firstIndex = Int(lowIndex.truncatingRemainder(dividingBy: Double(count)) + Double(count))
    // Sums over the losses above: of the masses under P, and of those times e^(epsilon - loss).
    var massAbove = Self.roundingAllowance
    var dualAbove = 0.0
    let inverseCount = 1 / Double(count)
    for index in stride(from: count - 1, through: 0, by: -1) {
      let distance = offset + (lowIndex + Double(index)) * spacing - saddle.epsilon
      if -tilt * distance > Self.logAmplificationMax {
        return .below(max(0, distance + spacing + saddle.epsilon))
      }
      // At epsilon = this loss: only what lies above counts.
      if massAbove - exp(distance) * dualAbove >= target {
        // Between this point and the one above, delta = massAbove - e^epsilon dualAbove.
        let epsilon = log((massAbove - target) / dualAbove) + saddle.epsilon
        return .found(max(0, epsilon), slope: max((massAbove - target) / target, 1e-6))
      }
      if distance + saddle.epsilon <= 0 { return .found(0, slope: max(tilt, 1e-6)) }
      let mass =
        spectrum.real[(firstIndex + index) % count] * inverseCount * exp(-tilt * distance)
      massAbove += mass
      dualAbove += mass * exp(-distance)
    }
    return .below(max(0, saddle.low + spacing))
  }
}
