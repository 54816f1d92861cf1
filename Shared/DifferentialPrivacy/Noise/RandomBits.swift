internal import PrivacyCore

/// Random bits and exact choices from a `RandomSource`, read from it in blocks.
///
/// Noncopyable: a copy would hand out the same bits, hence the same noise, twice.
struct RandomBits: ~Copyable {
  private static let wordCountPerBlock = 128

  private let source: any RandomSource
  private var words: [UInt64]
  private var nextWordIndex: Int
  private var bits: UInt64 = 0
  private var bitCount = 0

  init(source: any RandomSource) {
    self.source = source
    words = [UInt64](repeating: 0, count: Self.wordCountPerBlock)
    nextWordIndex = Self.wordCountPerBlock
  }

  /// 64 random bits.
  mutating func word() -> UInt64 {
    if nextWordIndex == Self.wordCountPerBlock {
      words.withUnsafeMutableBytes { source.fill($0) }
      nextWordIndex = 0
    }
    defer { nextWordIndex += 1 }
    return words[nextWordIndex]
  }

  /// One fair coin.
  mutating func bit() -> Bool {
    if bitCount == 0 {
      bits = word()
      bitCount = 64
    }
    defer {
      bits >>= 1
      bitCount -= 1
    }
    return bits & 1 == 1
  }

  /// A uniform integer in 0..<limit, without bias (Lemire 2019). The limit must not be 0.
  mutating func uniform(below limit: UInt64) -> UInt64 {
    var product = word().multipliedFullWidth(by: limit)
    if product.low < limit {
      let threshold = (0 &- limit) % limit
      while product.low < threshold { product = word().multipliedFullWidth(by: limit) }
    }
    return product.high
  }

  /// True with probability numerator / denominator, exactly; always when that is 1 or more.
  ///
  /// Compares the binary digits of the quotient with random ones until they differ: two bits on
  /// average, whatever the sizes. The denominator must be below 2^127.
  mutating func bernoulli<Word: FixedWidthInteger & UnsignedInteger>(
    _ numerator: Word, over denominator: Word
  ) -> Bool {
    if numerator >= denominator { return true }
    var remainder = numerator
    while true {
      remainder &<<= 1
      let digit = remainder >= denominator
      if digit { remainder &-= denominator }
      if bit() != digit { return digit }
    }
  }

  /// True with probability exp(-numerator / denominator), exactly (Canonne, Kamath and Steinke
  /// 2020, algorithm 1).
  mutating func bernoulliExp<Word: FixedWidthInteger & UnsignedInteger>(
    minus numerator: Word, over denominator: Word
  ) -> Bool {
    var rest = numerator
    while rest > denominator {
      guard bernoulliExpOfAtMostOne(minus: denominator, over: denominator) else { return false }
      rest &-= denominator
    }
    return bernoulliExpOfAtMostOne(minus: rest, over: denominator)
  }

  private mutating func bernoulliExpOfAtMostOne<Word: FixedWidthInteger & UnsignedInteger>(
    minus numerator: Word, over denominator: Word
  ) -> Bool {
    var trial: Word = 1
    while bernoulli(numerator, over: denominator &* trial) { trial &+= 1 }
    return trial & 1 == 1
  }
}
