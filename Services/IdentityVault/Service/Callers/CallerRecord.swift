internal import PrivacyCore
internal import VaultAPI

/// What one caller has asked for: its bucket, its day and its misses. Plain values, no clock.
struct CallerRecord: Sendable {
  /// Why a call is refused before anything is looked up.
  enum Refusal: Equatable {
    case rate(retryAfterMicroseconds: Int64)
    case misses
  }

  private var bucket: TokenBucket

  // MARK: The day

  /// The day that is charged, counted from the epoch.
  private(set) var day: Int64
  private var sketch = DistinctSketch()
  /// What a restart did not find in the sketch though it may have been answered: counted again.
  private var lostCount = 0
  /// What the store knows to be charged: never less than what was answered.
  private var reservedCount = 0
  private var budgetAlarmed = false

  // MARK: Misses

  private var windowEndsAt: Int64
  private var running = (lookups: 0, misses: 0)
  private var last = (lookups: 0, misses: 0)
  private(set) var isMissing = false

  init(limits: CallerLimits, day: Int64, at instant: Int64) {
    bucket = TokenBucket(burst: limits.burst, at: instant)
    self.day = day
    windowEndsAt = instant + CallerLimits.missWindowMicroseconds
  }

  /// What the store kept of the day.
  mutating func restore(_ stored: CallerDayRecord) {
    guard stored.day >= day, let kept = DistinctSketch(packed: stored.sketch) else { return }
    day = stored.day
    sketch = kept
    reservedCount = Int(clamping: stored.chargedCount)
    lostCount = max(0, reservedCount - kept.count)
  }

  /// The identifiers charged today.
  var chargedCount: Int { sketch.count + lostCount }

  // MARK: - Steps

  /// Admits a call for so many identifiers, or says why not.
  mutating func admit(
    _ count: Int, looksUp: Bool, limits: CallerLimits, at instant: Int64
  ) -> Refusal? {
    rollWindows(at: instant)
    if looksUp, isMissing { return .misses }
    let wait = bucket.take(
      count, burst: limits.burst, perSecond: limits.identifiersPerSecond, at: instant)
    return wait.map { .rate(retryAfterMicroseconds: $0) }
  }

  /// How a charge ends.
  enum Charge {
    /// It is in what the store knows already.
    case covered
    /// It counts once the store knows this.
    case reserve(CallerDayRecord)
    /// It is more than the day's budget; the first time, somebody is to be told.
    case overBudget(isFirst: Bool)
  }

  /// Charges the distinct ones of these identifiers to the day.
  mutating func charge(
    _ pids: [PseudonymousID], limits: CallerLimits, day today: Int64
  ) -> Charge {
    // A clock set back does not bring a new day's budget.
    if today > day {
      day = today
      (sketch, lostCount, reservedCount, budgetAlarmed) = (DistinctSketch(), 0, 0, false)
    }
    let before = chargedCount
    let limit = limits.distinctPerDay
    if let newCount = sketch.newCount(pids) {
      guard newCount == 0 || before + newCount <= limit else { return overBudget() }
    } else if before >= limit {
      return overBudget()
    }
    for pid in pids { sketch.insert(pid) }
    let charged = chargedCount
    // An estimate may step over the limit; what did stays charged.
    guard charged <= limit else { return overBudget() }
    guard charged > reservedCount else { return .covered }
    let block = min(max(1, limit / 100), 1_000_000)
    return .reserve(
      CallerDayRecord(
        day: day, chargedCount: UInt64(min(limit, charged + block - 1)), sketch: sketch.packed))
  }

  /// The store knows of a reservation.
  mutating func reserved(_ record: CallerDayRecord) {
    guard record.day == day else { return }
    reservedCount = max(reservedCount, Int(clamping: record.chargedCount))
  }

  private mutating func overBudget() -> Charge {
    defer { budgetAlarmed = true }
    return .overBudget(isFirst: !budgetAlarmed)
  }

  /// Counts look-ups and those that found nobody. Answers the counts where they look like a search
  /// for who is known, once for each time that begins.
  mutating func note(
    lookups: Int, misses: Int, limits: CallerLimits, at instant: Int64
  ) -> (lookups: Int, misses: Int)? {
    guard let percent = limits.missPercent else { return nil }
    rollWindows(at: instant)
    running.lookups += lookups
    running.misses += misses
    let sum = (lookups: running.lookups + last.lookups, misses: running.misses + last.misses)
    guard !isMissing, sum.lookups >= CallerLimits.missSampleCount,
      sum.misses * 100 >= percent * sum.lookups
    else { return nil }
    isMissing = true
    return sum
  }

  private mutating func rollWindows(at instant: Int64) {
    let window = CallerLimits.missWindowMicroseconds
    guard instant >= windowEndsAt else { return }
    let isNext = instant < windowEndsAt + window
    last = isNext ? running : (0, 0)
    running = (0, 0)
    windowEndsAt = isNext ? windowEndsAt + window : instant + window
    // The alarm ends with the windows that raised it.
    if last.lookups == 0 { isMissing = false }
  }
}
