import ConsentSimulation
import Testing

@Suite("A million ways to withdraw consent")
struct ConsentHistoryTests {
  /// More run with `make histories`.
  static let historyCount: UInt64 = 300

  @Test("no gate serves what an acknowledged withdrawal took away, whatever goes wrong")
  func barrierHolds() throws {
    var (withdrawalCount, readCount, tokenReadCount, renamingCount) = (0, 0, 0, 0)
    for seed in 1...Self.historyCount {
      let outcome = try ConsentHistory(seed: seed).run()
      #expect(outcome.violations == [], "seed \(seed)")
      withdrawalCount += outcome.withdrawalCount
      readCount += outcome.readCount
      tokenReadCount += outcome.tokenReadCount
      renamingCount += outcome.renamingCount
    }
    print(
      "\(Self.historyCount) histories, \(withdrawalCount) times something was taken away, "
        + "\(readCount) reads of it, \(tokenReadCount) reads with a token, \(renamingCount) people "
        + "with another pid")
    #expect(withdrawalCount > 300)
    #expect(readCount > 10_000)
    #expect(tokenReadCount > 100)
    #expect(renamingCount > 100)
  }

  @Test("one seed gives one history")
  func repeatable() throws {
    for seed: UInt64 in [11, 12, 13] {
      let (first, second) = (
        try ConsentHistory(seed: seed).run(), try ConsentHistory(seed: seed).run()
      )
      #expect(first.stepCount == second.stepCount && first.microseconds == second.microseconds)
    }
  }
}
