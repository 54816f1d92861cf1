public import PrivacyCore

/// Answers statistics about people with noise; an exact total never leaves it.
///
/// Neighbouring data sets differ by **one person added or removed**, with all of that person's
/// contribution. Each method therefore takes one element for each person, and bounds what that
/// element can change before it adds noise. It does not know the budget: consume a reservation
/// for the release's `charge` before calling.
///
/// Sampling is exact but its time depends on the noise drawn: do not let a caller time it.
public struct PrivateAggregator: ~Copyable {
  /// The most that one person's contribution may come to, so that totals add up exactly.
  public static let contributionLimitMax = 1 << 31

  var sampler: NoiseSampler

  /// An aggregator that draws its noise from `random`.
  public init(random: any RandomSource) { sampler = NoiseSampler(random: random) }

  /// How many people there are. One person changes it by 1.
  public mutating func count(
    _ personCount: Int, noise: IntegerNoise
  ) throws(DifferentialPrivacyError) -> NoisyRelease<Int> {
    let fitted = try FittedNoise(noise, l2Squared: 1, l1: 1)
    return fitted.release(fitted.add(to: personCount, using: &sampler))
  }

  /// The sum of one value for each person, each moved into `bounds` first. One person changes it
  /// by the bound farther from 0.
  public mutating func sum(
    _ values: some Sequence<Int>, bounds: ClosedRange<Int>, noise: IntegerNoise
  ) throws(DifferentialPrivacyError) -> NoisyRelease<Int> {
    let reach = max(bounds.lowerBound.magnitude, bounds.upperBound.magnitude)
    guard reach > 0, reach <= UInt(Self.contributionLimitMax) else { throw .invalidBounds }
    let sensitivity = Int(reach)
    // The square is at most 2^62: it fits.
    let fitted = try FittedNoise(noise, l2Squared: sensitivity * sensitivity, l1: sensitivity)
    var total = 0
    for value in values {
      let sum = total.addingReportingOverflow(
        min(max(value, bounds.lowerBound), bounds.upperBound))
      if sum.overflow { throw .totalOverflow }
      total = sum.partialValue
    }
    return fitted.release(fitted.add(to: total, using: &sampler))
  }

  /// The mean of one value for each person, each moved into `bounds` first: a noisy sum of the
  /// distances from the middle over a noisy count, together at the cost of one release.
  ///
  /// A value that is not a number counts as the middle. The answer lies within the bounds. Its
  /// `noiseScale` is that of the sum.
  public mutating func mean(
    _ values: some Sequence<Double>, bounds: ClosedRange<Double>, noise: IntegerNoise
  ) throws(DifferentialPrivacyError) -> NoisyRelease<Double> {
    let middle = bounds.lowerBound / 2 + bounds.upperBound / 2
    let reach = bounds.upperBound / 2 - bounds.lowerBound / 2
    guard middle.isFinite, reach.isFinite, reach > 0 else { throw .invalidBounds }
    // Half the range is cut into so many units: rounding errs far below any useful noise.
    let unitCount = 1 << 12
    let unit = reach / Double(unitCount)
    let fittedSum = try FittedNoise(
      noise, l2Squared: unitCount * unitCount, l1: unitCount, repetitions: 2)
    let fittedCount = try FittedNoise(noise, l2Squared: 1, l1: 1, repetitions: 2)
    var total = 0
    var personCount = 0
    for value in values {
      let distance = ((value - middle) / reach * Double(unitCount)).rounded()
      if distance.isNaN == false {
        total += Int(min(max(distance, -Double(unitCount)), Double(unitCount)))
      }
      personCount += 1
    }
    let noisyTotal = Double(fittedSum.add(to: total, using: &sampler)) * unit
    let noisyCount = Double(max(1, fittedCount.add(to: personCount, using: &sampler)))
    let mean = min(
      max(middle + noisyTotal / noisyCount, bounds.lowerBound), bounds.upperBound)
    return fittedSum.release(mean, unit: unit)
  }
}
