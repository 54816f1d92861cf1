internal import PrivacyCore
internal import SealedStore
internal import Synchronization

/// Callers that each write one row, wait until it is acknowledged, and write the next.
enum Writing {
  /// What one caller saw within the measured time.
  private struct Tally: Sendable {
    var nanoseconds: [UInt32] = []
    /// Acknowledged rows in each second of the measured time.
    var perSecond: [Int]
  }

  /// Gives each row a number of its own.
  private final class Numbers: Sendable {
    private let following: Atomic<Int>

    init(from first: Int) { following = Atomic(first) }

    func next() -> Int { following.wrappingAdd(1, ordering: .relaxed).oldValue }
  }

  static func run(_ arguments: Arguments) async throws {
    let store = try BenchStore.open(arguments.directory)
    let firstNumber = arguments.number("rows", default: 1_000_000)
    let measured = Duration.milliseconds(arguments.number("measure-ms", default: 5_000))
    let start = ContinuousClock.now + .milliseconds(arguments.number("warmup-ms", default: 500))
    let window = start..<(start + measured)
    let numbers = Numbers(from: firstNumber)
    async let before = statistics(of: store, at: window.lowerBound)
    async let after = statistics(of: store, at: window.upperBound)
    let tallies = try await withThrowingTaskGroup(of: Tally.self) { group in
      for _ in 0..<arguments.number("callers", default: 512) {
        group.addTask { try await call(store, numbers, window) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    try await report(tallies, measured, before: before, after: after)
    store.close()
  }

  private static func call(
    _ store: SealedStore, _ numbers: Numbers, _ window: Range<ContinuousClock.Instant>
  ) async throws -> Tally {
    let secondCount = Int((window.upperBound - window.lowerBound).seconds.rounded(.up))
    var tally = Tally(perSecond: [Int](repeating: 0, count: max(1, secondCount)))
    var begin = ContinuousClock.now
    while begin < window.upperBound {
      let number = numbers.next()
      let (pid, value) = (BenchStore.pid(number), BenchStore.value(number))
      try await store.write { try $0.put(BenchStore.table, pid, value) }
      let end = ContinuousClock.now
      if window.contains(end) {
        tally.nanoseconds.append(UInt32(clamping: Int((end - begin) / .nanoseconds(1))))
        tally.perSecond[Int((end - window.lowerBound).seconds)] += 1
      }
      begin = end
    }
    return tally
  }

  private static func statistics(
    of store: SealedStore, at instant: ContinuousClock.Instant
  ) async throws -> StoreStatistics {
    try await Task.sleep(until: instant)
    return try store.statistics()
  }

  private static func report(
    _ tallies: [Tally], _ measured: Duration, before: StoreStatistics, after: StoreStatistics
  ) {
    let sorted = tallies.flatMap(\.nanoseconds).sorted()
    func milliseconds(_ share: Double) -> Double {
      sorted.isEmpty
        ? 0 : Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]) / 1e6
    }
    let perSecond = tallies.reduce(into: [Int]()) { sums, tally in
      if sums.isEmpty { sums = tally.perSecond; return }
      for second in sums.indices { sums[second] += tally.perSecond[second] }
    }
    let commits = Double(max(1, after.commitCount - before.commitCount))
    printReport([
      "writes_per_s": Double(sorted.count) / measured.seconds,
      "slowest_second": Double(perSecond.min() ?? 0),
      "p50_ms": milliseconds(0.5), "p99_ms": milliseconds(0.99), "p999_ms": milliseconds(0.999),
      "max_ms": milliseconds(1),
      "group": Double(after.transactionCount - before.transactionCount) / commits,
      "journal_commit_ms":
        Double(after.commitMicroseconds - before.commitMicroseconds) / 1_000 / commits,
      "applied_rows_per_s":
        Double(after.appliedRowCount - before.appliedRowCount) / measured.seconds,
      "unapplied_rows": Double(after.unappliedRowCount),
    ])
  }
}
