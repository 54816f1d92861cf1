/// A bucket of tokens that fills at a steady rate: what a caller may ask for at once, and in the
/// long run.
struct TokenBucket: Sendable {
  /// Millionths of a token: a rate of r tokens a second is r of them a microsecond.
  private var level: Int64
  private var filledAt: Int64

  private static let unit: Int64 = 1_000_000

  /// A full bucket at an instant of the monotonic clock.
  init(burst: Int, at instant: Int64) {
    level = Int64(burst) * Self.unit
    filledAt = instant
  }

  /// Takes `count` tokens, or none and answers after how many microseconds there are as many;
  /// `Int64.max` for more than the bucket ever holds.
  mutating func take(
    _ count: Int, burst: Int, perSecond rate: Int, at instant: Int64
  ) -> Int64? {
    let capacity = Int64(burst) * Self.unit
    let rate = Int64(rate)
    let elapsed = max(0, instant - filledAt)
    filledAt = max(filledAt, instant)
    let missing = capacity - level
    // Compared by division: the product may be too large to count.
    level = elapsed >= missing / rate + 1 ? capacity : min(capacity, level + elapsed * rate)
    guard count <= burst else { return .max }
    let needed = Int64(count) * Self.unit
    if level < needed { return (needed - level + rate - 1) / rate }
    level -= needed
    return nil
  }
}
