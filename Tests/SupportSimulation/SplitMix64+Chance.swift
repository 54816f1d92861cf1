package import PrivacyCore

extension SplitMix64 {
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
