/// Integer noise with probability proportional to exp(-x^2 / (2 sigma^2)).
///
/// Added to integer vectors of L2 sensitivity S it is (S / sigma)^2 / 2 concentrated private,
/// like its continuous sibling, and it is sampled exactly: no floating point takes part.
public struct DiscreteGaussian: Hashable, Sendable {
  private let rational: NoiseScale
  private let proposalScale: UInt64

  /// The sigma in use: the one asked for, rounded up by less than one part in a million.
  public var sigma: Double { rational.value }

  /// Refuses sigmas outside 1/64 ... 2^26.
  public init(sigma: Double) throws(DifferentialPrivacyError) {
    rational = try NoiseScale(roundingUp: sigma)
    proposalScale = rational.numerator / rational.denominator + 1
  }

  /// One sample (Canonne, Kamath and Steinke 2020, algorithm 3). Its time depends on the sample.
  func sample(using random: inout RandomBits) -> Int {
    // With sigma^2 = a / b and t = proposalScale, accept y with probability
    //   exp(-(|y| - a / (b t))^2 b / (2 a)) = exp(-(|y| b t - a)^2 / (2 a b t^2)).
    // n <= 2^26 and 2^k < 2^27 give a <= 2^52 and b t^2 <= 2^54, so all of it fits 128 bits for
    // |y| <= 256 t; beyond, the probability to accept is below 2^-40000 and counts as 0.
    let a = UInt128(rational.numerator) * UInt128(rational.numerator)
    let bt =
      UInt128(rational.denominator) * UInt128(rational.denominator) * UInt128(proposalScale)
    let denominator = 2 * a * bt * UInt128(proposalScale)
    while true {
      let candidate = DiscreteLaplace.sample(
        numerator: proposalScale, denominator: 1, using: &random)
      guard candidate.magnitude <= 256 * UInt(proposalScale) else { continue }
      let scaled = UInt128(candidate.magnitude) * bt
      let distance = scaled > a ? scaled - a : a - scaled
      if random.bernoulliExp(minus: distance * distance, over: denominator) { return candidate }
    }
  }
}
