/// A rational number n / 2^k: the scale of integer noise, so that sampling needs no floating
/// point. Made from a `Double` by rounding up: never less noise than asked for.
struct NoiseScale: Hashable, Sendable {
  /// Scales that the samplers' 128-bit arithmetic covers.
  static let range: ClosedRange<Double> = 0.015625...67_108_864

  let numerator: UInt64
  let denominator: UInt64

  var value: Double { Double(numerator) / Double(denominator) }

  /// The smallest n / 2^k with 20 significant bits or more that is at least `value`.
  init(roundingUp value: Double) throws(DifferentialPrivacyError) {
    guard Self.range.contains(value) else { throw .invalidNoiseScale(value) }
    // n stays at or below 2^26 and 2^k below 2^27: see DiscreteGaussian for why.
    let shift = max(0, min(26, 24 - Int(value.exponent)))
    denominator = 1 << UInt64(shift)
    numerator = UInt64((value * Double(denominator)).rounded(.up))
  }
}
