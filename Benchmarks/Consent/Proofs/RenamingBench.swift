internal import ConsentAPI
internal import ConsentService
internal import Foundation
internal import PrivacyCore

/// Measures renamings of people with one receipt each, and what withdrawals that come meanwhile wait.
struct RenamingBench {
  /// What was measured.
  struct Figures {
    let renamingsPerSecond: Double
    let withdrawalP50Ms: Double
    let withdrawalP99Ms: Double
    /// The same while nobody is renamed.
    let aloneP99Ms: Double
  }

  private let bench: LedgerBench
  /// The people's numbers.
  private let people: Range<UInt64>

  /// How many renamings share a transaction.
  private let batchCount: Int
  /// Withdrawals a second.
  private static let pace = 100

  /// - Parameter batchCount: how many renamings share a transaction.
  init(_ bench: LedgerBench, of people: Range<UInt64>, batchCount: Int) {
    self.bench = bench
    self.batchCount = batchCount
    self.people = people
  }

  /// The pid that the person with this number gets.
  private func next(_ number: UInt64) -> PseudonymousID { LedgerBench.pid(number | 1 << 56) }

  /// Renames all of them, under a steady stream of withdrawals of some.
  func measure() async throws -> Figures {
    let clock = ContinuousClock()
    let quiet = Task { try await withdrawUntilCancelled() }
    try await Task.sleep(for: .seconds(3))
    quiet.cancel()
    let alone = try await quiet.value
    let withdrawals = Task { try await withdrawUntilCancelled() }
    let start = clock.now
    var number: UInt64 = 0
    for first in stride(from: people.lowerBound, to: people.upperBound, by: batchCount) {
      let renamings = (first..<min(people.upperBound, first + UInt64(batchCount))).map {
        person in
        number += 1
        return PersonRenaming(
          number: number, former: LedgerBench.pid(person), pid: next(person))
      }
      _ = try await bench.ledger.rename(renamings, in: 1)
    }
    let seconds = (clock.now - start) / .seconds(1)
    withdrawals.cancel()
    let waits = try await withdrawals.value
    func milliseconds(_ share: Double, of waits: [Double]) -> Double {
      waits.isEmpty ? 0 : waits.sorted()[Int(Double(waits.count - 1) * share)] * 1_000
    }
    return Figures(
      renamingsPerSecond: Double(people.count) / seconds,
      withdrawalP50Ms: milliseconds(0.5, of: waits),
      withdrawalP99Ms: milliseconds(0.99, of: waits),
      aloneP99Ms: milliseconds(0.99, of: alone))
  }

  /// Withdraws for people anywhere in the range, under their former pids; answers the seconds that each
  /// took.
  private func withdrawUntilCancelled() async throws -> [Double] {
    let clock = ContinuousClock()
    return try await withThrowingTaskGroup(of: Double.self) { group in
      var random = SplitMix64(seed: 7)
      while !Task.isCancelled {
        let pid = LedgerBench.pid(people.lowerBound + random.next() % UInt64(people.count))
        group.addTask { [ledger = bench.ledger] in
          let start = clock.now
          _ = try await ledger.takeBack(
            ReceiptDraft(
              pid: pid, kind: .withdrawal, scopes: ["analytics"], source: "bench", version: 0),
            by: "tacit:local")
          return (clock.now - start) / .seconds(1)
        }
        try? await Task.sleep(for: .milliseconds(1_000 / Self.pace))
      }
      var waits: [Double] = []
      // The group is cancelled with its task; what it began is finished all the same.
      for try await wait in group { waits.append(wait) }
      return waits
    }
  }
}
