/// A repeatable source of numbers (SplitMix64): one seed, one history. Never for secrets.
package struct Seed: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The numbers that belong to `seed`.
  package init(_ seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }

  /// A number of the range.
  package mutating func number(in range: ClosedRange<Int64>) -> Int64 {
    // The bias of the remainder is nothing beside what a simulation varies.
    range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound + 1))
  }

  /// Yes in so many cases of a thousand.
  package mutating func happens(perMille: Int) -> Bool {
    perMille > 0 && next() % 1_000 < UInt64(perMille)
  }
}
