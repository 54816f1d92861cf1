/// Integer noise with probability proportional to exp(-|x| / scale).
///
/// With scale = sensitivity / epsilon it makes an integer statistic epsilon-private, exactly: no
/// floating point takes part in the sampling (Mironov 2012 shows what leaks when it does).
public struct DiscreteLaplace: Hashable, Sendable {
  private let rational: NoiseScale

  /// The scale in use: the one asked for, rounded up by less than one part in a million.
  public var scale: Double { rational.value }

  /// Refuses scales outside 1/64 ... 2^26.
  public init(scale: Double) throws(DifferentialPrivacyError) {
    rational = try NoiseScale(roundingUp: scale)
  }

  /// One sample (Canonne, Kamath and Steinke 2020, algorithm 2). Its time depends on the sample.
  func sample(using random: inout RandomBits) -> Int {
    Self.sample(
      numerator: rational.numerator, denominator: rational.denominator, using: &random)
  }

  /// One sample of scale numerator / denominator.
  @inline(__always)
  static func sample(
    numerator: UInt64, denominator: UInt64, using random: inout RandomBits
  ) -> Int {
    while true {
      let fraction = random.uniform(below: numerator)
      guard random.bernoulliExp(minus: fraction, over: numerator) else { continue }
      var whole: UInt64 = 0
      while random.bernoulliExp(minus: UInt64(1), over: 1) { whole += 1 }
      let magnitude = Int((fraction + numerator * whole) / denominator)
      let isNegative = random.bit()
      // Zero has one sign only.
      if isNegative && magnitude == 0 { continue }
      return isNegative ? -magnitude : magnitude
    }
  }
}
