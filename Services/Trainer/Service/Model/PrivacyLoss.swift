package import DifferentialPrivacy

/// What Gaussian releases about the same people come to, in whole units so that sums do not
/// depend on their order and a ledger rebuilt from its entries stands where it stood.
///
/// Gaussian releases compose exactly: their precisions (one over the square of the noise
/// multiplier) add up to that of one release that is as private as all of them (Dong, Roth and Su
/// 2019), also where each is chosen after seeing the answers before it, as long as the sum is held
/// below a bound fixed at the start (Smith and Thakurta 2022). So admission by `epsilon(at:)` of
/// the sum is a valid privacy filter. Mechanisms of another kind need `RenyiFilter`.
package struct PrivacyLoss: Hashable, Sendable {
  /// So many units make 1.
  static let unitsPerOne = 0x1p44

  /// The sum of precisions, rounded up.
  package let precisionUnits: UInt64
  /// What the lattice adds to epsilon at most (see `GaussianRelease`), rounded up.
  package let roundingUnits: UInt64

  /// Nothing released.
  package static let none = PrivacyLoss(precisionUnits: 0, roundingUnits: 0)

  package init(precisionUnits: UInt64, roundingUnits: UInt64) {
    self.precisionUnits = precisionUnits
    self.roundingUnits = roundingUnits
  }

  /// The loss of these amounts, or `nil` where they are beyond all budgets.
  init?(precision: Double, rounding: Double) {
    let units = [precision, rounding].map { ($0.nextUp * Self.unitsPerOne).rounded(.up) }
    guard units.allSatisfy({ $0 >= 0 && $0 < 0x1p63 }) else { return nil }
    self.init(precisionUnits: UInt64(units[0]), roundingUnits: UInt64(units[1]))
  }

  /// Both together, or `nil` where that is beyond all budgets.
  package func adding(_ other: PrivacyLoss) -> PrivacyLoss? {
    let precision = precisionUnits.addingReportingOverflow(other.precisionUnits)
    let rounding = roundingUnits.addingReportingOverflow(other.roundingUnits)
    guard !precision.overflow, !rounding.overflow else { return nil }
    return PrivacyLoss(
      precisionUnits: precision.partialValue, roundingUnits: rounding.partialValue)
  }

  /// This without a part of it that turned out not to have happened.
  func subtracting(_ part: PrivacyLoss) -> PrivacyLoss? {
    guard precisionUnits >= part.precisionUnits, roundingUnits >= part.roundingUnits else {
      return nil
    }
    return PrivacyLoss(
      precisionUnits: precisionUnits - part.precisionUnits,
      roundingUnits: roundingUnits - part.roundingUnits)
  }

  /// The smallest epsilon at `delta`, on the safe side by less than one part in 10^11; infinity
  /// beyond the range of noise that protects anybody. Microseconds.
  package func epsilon(at delta: Delta) -> Double {
    guard precisionUnits > 0 else { return rounding }
    let precision = Double(precisionUnits).nextUp / Self.unitsPerOne
    guard let multiplier = try? NoiseMultiplier((1 / precision.squareRoot().nextUp).nextDown)
    else { return .infinity }
    return (AnalyticGaussian.epsilon(noiseMultiplier: multiplier, delta: delta) + rounding).nextUp
  }

  private var rounding: Double {
    roundingUnits == 0 ? 0 : Double(roundingUnits).nextUp / Self.unitsPerOne
  }
}
