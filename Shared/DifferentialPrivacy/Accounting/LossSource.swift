internal import Glibc

/// Which data set has the person: the loss differs when only one of them samples.
enum LossDirection {
  /// P has the person, Q does not.
  case removal
  /// Q has the person, P does not.
  case addition
}

/// One kind of step in a plan.
protocol LossSource: Sendable {
  /// Whether both directions have the same loss.
  var isSymmetric: Bool { get }

  /// The loss as atoms less than `spacing` apart (infinity: as coarse as moments allow), with less
  /// than `missingMass` left out.
  func atoms(_ direction: LossDirection, spacing: Double, missingMass: Double) -> LossAtoms
}

/// How many standard deviations a Gaussian exceeds with less than this probability, both sides.
private func reach(missingMass: Double) -> Double {
  max(9, (-2 * log(max(missingMass, 1e-300))).squareRoot())
}

/// Gaussian noise over a Poisson sample.
struct SampledGaussianLoss: LossSource {
  let sigma: Double
  let rate: Double
  let isSymmetric = false
  /// More atoms than this change nothing that a double can show.
  private static let atomCountMax = 8_192.0

  /// By the trapezoidal rule: moments and, for more than a few steps, everything made of them
  /// come out exact to rounding (see `logMomentMinusOneByIntegration`).
  func atoms(_ direction: LossDirection, spacing: Double, missingMass: Double) -> LossAtoms {
    let variance = sigma * sigma
    let reach = reach(missingMass: missingMass) * sigma
    let start = -reach
    let end = (direction == .removal ? 1 : 0) + reach
    let finest = (end - start) / Self.atomCountMax
    let step = min(sigma / 8, variance / 2, max(spacing * variance, finest))
    let count = Int(((end - start) / step).rounded(.up))
    let logComplement = log1p(-rate)
    let logScale = log(step / (sigma * (2 * Double.pi).squareRoot()))
    let sign = direction == .removal ? 1.0 : -1.0
    var atoms = LossAtoms(anchor: sign * logComplement)
    atoms.losses.reserveCapacity(count + 1)
    atoms.logMasses.reserveCapacity(count + 1)
    for index in 0...count {
      let x = start + Double(index) * step
      let y = (2 * x - 1) / (2 * variance)
      let logRatio = y > 40 ? log(rate) + y : log1p(rate * expm1(y))
      let logPlain = logScale - x * x / (2 * variance)
      atoms.append(
        loss: sign * logRatio, logMass: direction == .removal ? logPlain + logRatio : logPlain)
    }
    atoms.missingMass = missingMass
    return atoms
  }
}

/// Gaussian noise on everybody.
struct GaussianLoss: LossSource {
  let sigma: Double
  let isSymmetric = true

  func atoms(_ direction: LossDirection, spacing: Double, missingMass: Double) -> LossAtoms {
    let step = min(0.125, spacing * sigma)
    let reach = reach(missingMass: missingMass)
    let count = Int((2 * reach / step).rounded(.up))
    let logScale = log(step / (2 * Double.pi).squareRoot())
    var atoms = LossAtoms(anchor: 1 / (2 * sigma * sigma))
    for index in 0...count {
      let u = -reach + Double(index) * step
      atoms.append(loss: atoms.anchor + u / sigma, logMass: logScale - u * u / 2)
    }
    atoms.missingMass = missingMass
    return atoms
  }
}

/// Laplace noise; `scale` is in units of the sensitivity.
struct LaplaceLoss: LossSource {
  let scale: Double
  let isSymmetric = true

  /// Between the two means an interval's mass over the other's is exactly the loss at its middle;
  /// outside the loss is constant.
  func atoms(_ direction: LossDirection, spacing: Double, missingMass: Double) -> LossAtoms {
    let greatest = 1 / scale
    let count = Int(max(256, min(2 * greatest / spacing * 4, 4e6)).rounded(.up))
    var atoms = LossAtoms(anchor: greatest)
    atoms.append(loss: greatest, logMass: -log(2))
    atoms.append(loss: -greatest, logMass: -log(2) - greatest)
    let width = 1 / Double(count)
    let logWidthMass = log(-expm1(-width / scale) / 2)
    for index in 0..<count {
      let x = Double(index) * width
      atoms.append(loss: (1 - 2 * x - width) / scale, logMass: logWidthMass - x / scale)
    }
    return atoms
  }
}

/// Discrete Gaussian noise on one integer.
struct DiscreteGaussianLoss: LossSource {
  let sigma: Double
  let sensitivity: Int
  let isSymmetric = true

  func atoms(_ direction: LossDirection, spacing: Double, missingMass: Double) -> LossAtoms {
    let variance = sigma * sigma
    let reach = Int((reach(missingMass: missingMass) * sigma).rounded(.up)) + 1
    let shift = Double(sensitivity)
    var norm = LogSum()
    for value in -reach...reach { norm.add(-Double(value * value) / (2 * variance)) }
    var atoms = LossAtoms(anchor: 0)
    for value in stride(from: reach, through: -reach, by: -1) {
      let x = Double(value)
      atoms.append(
        loss: (shift * shift - 2 * shift * x) / (2 * variance),
        logMass: -x * x / (2 * variance) - norm.value)
    }
    atoms.missingMass = missingMass
    return atoms
  }
}

/// Discrete Laplace noise on one integer; `scale` in the integer's units.
struct DiscreteLaplaceLoss: LossSource {
  let scale: Double
  let sensitivity: Int
  let isSymmetric = true

  func atoms(_ direction: LossDirection, spacing: Double, missingMass: Double) -> LossAtoms {
    let rate = 1 / scale
    // Pr[x] = tanh(rate / 2) e^(-rate |x|); the two tails have constant loss.
    let logPeak = log(tanh(rate / 2))
    let logTail = -log1p(exp(-rate))
    let shift = Double(sensitivity)
    var atoms = LossAtoms(anchor: shift * rate)
    atoms.append(loss: shift * rate, logMass: logTail)
    for value in 1..<max(1, sensitivity) {
      let x = Double(value)
      atoms.append(loss: (shift - 2 * x) * rate, logMass: logPeak - rate * x)
    }
    atoms.append(loss: -shift * rate, logMass: logTail - shift * rate)
    return atoms
  }
}

/// The worst mechanism with a given pure epsilon: randomised response on one bit.
struct PureLoss: LossSource {
  let epsilon: Double
  let isSymmetric = true

  func atoms(_ direction: LossDirection, spacing: Double, missingMass: Double) -> LossAtoms {
    var atoms = LossAtoms(anchor: epsilon)
    atoms.append(loss: epsilon, logMass: -log1p(exp(-epsilon)))
    atoms.append(loss: -epsilon, logMass: -epsilon - log1p(exp(-epsilon)))
    return atoms
  }
}
