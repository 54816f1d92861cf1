internal import Foundation
internal import PrivacyCore
internal import SealedStore

/// Gets of random rows, each opened and compared in length.
enum Reading {
  static func run(_ arguments: Arguments) throws {
    let store = try BenchStore.open(arguments.directory)
    let rowCount = arguments.number("rows", default: 1_000_000)
    let perRead = max(1, arguments.number("per-read", default: 1))
    let threadCount = arguments.number("threads", default: 1)
    let measured = Duration.milliseconds(arguments.number("measure-ms", default: 3_000))
    let start = ContinuousClock.now + .milliseconds(arguments.number("warmup-ms", default: 500))
    let window = start..<(start + measured)
    let counts = Counts()
    let threads = (0..<threadCount).map { thread in
      Thread {
        var random = SplitMix64(seed: UInt64(thread) &+ 99)
        counts.add((try? get(store, rowCount, perRead, &random, window)) ?? .min)
      }
    }
    for thread in threads { thread.start() }
    let total = counts.wait(for: threadCount)
    guard total >= 0 else { throw UsageError(text: "a row is missing or does not open") }
    printReport(["gets_per_s": Double(total) / measured.seconds])
    store.close()
  }

  private static func get(
    _ store: SealedStore, _ rowCount: Int, _ perRead: Int, _ random: inout SplitMix64,
    _ window: Range<ContinuousClock.Instant>
  ) throws -> Int {
    var count = 0
    while true {
      let now = ContinuousClock.now
      if now >= window.upperBound { return count }
      // Some reads between two looks at the clock.
      for _ in 0..<max(1, 64 / perRead) {
        try store.read { snapshot in
          for _ in 0..<perRead {
            let number = Int(random.next() % UInt64(rowCount))
            let value = try snapshot.get(BenchStore.table, BenchStore.pid(number))
            guard value?.count == BenchStore.valueByteCount else {
              throw UsageError(text: "row \(number) is missing")
            }
          }
        }
      }
      if now >= window.lowerBound { count += perRead * max(1, 64 / perRead) }
    }
  }

  /// What the threads counted.
  ///
  /// `@unchecked Sendable`: everything is behind the condition.
  private final class Counts: @unchecked Sendable {
    private let condition = NSCondition()
    private var counts: [Int] = []

    func add(_ count: Int) {
      condition.withLock { counts.append(count) }
      condition.signal()
    }

    /// The sum once so many have come; negative when one of them failed.
    func wait(for threadCount: Int) -> Int {
      condition.withLock {
        while counts.count < threadCount { condition.wait() }
        return counts.contains(.min) ? -1 : counts.reduce(0, +)
      }
    }
  }
}
