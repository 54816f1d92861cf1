public import PrivacyCore

/// Draws exact integer noise from a source of randomness.
///
/// Noncopyable: a copy would repeat the noise, and equal noise on two releases cancels.
public struct NoiseSampler: ~Copyable {
  private var random: RandomBits

  /// A sampler that reads `random` in blocks of 1 KiB.
  public init(random: any RandomSource) { self.random = RandomBits(source: random) }

  /// One sample; under a microsecond.
  public mutating func sample(_ noise: DiscreteGaussian) -> Int { noise.sample(using: &random) }

  /// One sample; under a microsecond.
  public mutating func sample(_ noise: DiscreteLaplace) -> Int { noise.sample(using: &random) }

  /// Whether an event of the given rate happens. The rate in use is the one given, rounded down
  /// by less than 2^-64.
  public mutating func happens(at rate: SamplingRate) -> Bool {
    if rate.value >= 1 { return true }
    return random.word() < UInt64(rate.value * 0x1p64)
  }

  /// A uniform integer in 0..<limit.
  mutating func uniform(below limit: UInt64) -> UInt64 { random.uniform(below: limit) }

  /// True with probability exp(-numerator / denominator), exactly.
  mutating func happensExp(minus numerator: UInt128, over denominator: UInt128) -> Bool {
    random.bernoulliExp(minus: numerator, over: denominator)
  }
}
