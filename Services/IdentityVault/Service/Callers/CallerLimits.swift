/// How much a caller may ask for. There are three sets: one for callers that own batches (ingest,
/// administration), one for partners, one for everybody else.
package struct CallerLimits: Equatable, Sendable {
  /// How many identifiers a second, in the long run.
  package var identifiersPerSecond: Int
  /// How many at once, after a pause.
  package var burst: Int
  /// How many distinct identifiers between two midnights UTC.
  package var distinctPerDay: Int
  /// From how many percent of look-ups of people unknown on they look like a search for those who
  /// are known; `nil` where nobody looks.
  package var missPercent: Int?

  /// For callers without batches: a person who looks up a few people a day.
  package static let single = CallerLimits(
    identifiersPerSecond: 50, burst: 500, distinctPerDay: 5_000, missPercent: 50)
  /// For callers that own batches. New people are all that ingest looks up at times.
  package static let batch = CallerLimits(
    identifiersPerSecond: 2_000_000, burst: 4_000_000, distinctPerDay: 100_000_000,
    missPercent: nil)
  /// For partners, whose blinded identifiers all count as distinct: a list of half a million in a
  /// day. Whether one finds somebody the vault does not see.
  package static let partner = CallerLimits(
    identifiersPerSecond: 2_000, burst: 20_000, distinctPerDay: 500_000, missPercent: nil)

  /// The most identifiers of one call by a caller without batches.
  package static let identifiersPerSingleCallMax = 100
  /// How many look-ups there must be before their misses are judged.
  package static let missSampleCount = 100
  /// For how long look-ups are counted together, in microseconds: the running and the last one.
  package static let missWindowMicroseconds: Int64 = 300 * 1_000_000
  /// The most callers that are told apart in one day.
  package static let callerCountMax = 1_024

  /// Reads `rate:burst:distinct` or `rate:burst:distinct:percent`.
  package init?(text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 3 || parts.count == 4,
      let rate = parts[0], let burst = parts[1], let distinct = parts[2]
    else { return nil }
    var percent: Int?
    if parts.count == 4 {
      guard let given = parts[3] else { return nil }
      percent = given
    }
    self.init(
      identifiersPerSecond: rate, burst: burst, distinctPerDay: distinct, missPercent: percent)
  }

  private init(identifiersPerSecond: Int, burst: Int, distinctPerDay: Int, missPercent: Int?) {
    self.identifiersPerSecond = identifiersPerSecond
    self.burst = burst
    self.distinctPerDay = distinctPerDay
    self.missPercent = missPercent
  }

  /// The text that gives the same limits.
  package var text: String {
    "\(identifiersPerSecond):\(burst):\(distinctPerDay)" + (missPercent.map { ":\($0)" } ?? "")
  }

  /// What is wrong with it, or `nil`.
  package var fault: String? {
    if !(1...100_000_000).contains(identifiersPerSecond) {
      return "a caller has 1 to 100,000,000 identifiers a second, not \(identifiersPerSecond)"
    }
    if !(1...1_000_000_000).contains(burst) {
      return "a burst has 1 to 1,000,000,000 identifiers, not \(burst)"
    }
    if !(1...10_000_000_000).contains(distinctPerDay) {
      return "a day has 1 to 10,000,000,000 distinct identifiers, not \(distinctPerDay)"
    }
    if let missPercent, !(1...99).contains(missPercent) {
      return "misses are 1 to 99 percent, not \(missPercent)"
    }
    return nil
  }
}
