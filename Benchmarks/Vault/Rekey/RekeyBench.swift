internal import ArgumentParser
internal import FeatureStoreService
internal import Foundation
internal import PrivacyCore
internal import Renaming

/// Measures how fast a feature store moves the rows of people to new pids, and what a reader beside it
/// notices; prints one JSON document:
///
///     rekey_renamings_noted_per_s  renamings of the consent log that have their effect in a second
///     rekey_rows_per_s             rows moved in a second at the pace given, readers beside
///     rekey_read_p99_us            one person's features in a call beside that
///     rekey_quiet_p99_us           the same with nothing beside it, before and after
///     rekey_read_p99_ratio         the one by the other
@main
struct RekeyBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rekey-bench", abstract: "Measure the moving of rows to new pids; prints JSON.")

  @Option(help: "How many people there are.") var people = 20_000
  @Option(help: "How many rows each of them has.") var rows = 50
  @Option(help: "The most rows a second; 0: as fast as it goes.")
  var pace = RekeyPace().rowsPerSecondMax
  @Option(help: "Rows of one transaction.") var batch = RekeyPace().rowsPerTransaction
  @Option(help: "How many of the people are renamed; 0: all.") var renamed = 0
  @Option(help: "How many calls are under way at one time.") var readers = 1
  @Option(help: "Values of people kept in memory.") var cached = 4_000_000
  @Option(help: "Seconds of each quiet measurement.") var seconds = 4.0

  func validate() throws {
    guard (1...10_000_000).contains(people), (1...10_000).contains(rows),
      (0...people).contains(renamed), (1...64).contains(readers), (0.1...600).contains(seconds)
    else { throw ValidationError("a number is out of range") }
  }

  func run() async throws {
    let place = FileManager.default.temporaryDirectory
      .appending(path: "rekey-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: place) }
    var rekeyPace = RekeyPace(rowsPerSecondMax: pace == 0 ? RekeyPace.range.upperBound : pace)
    rekeyPace.rowsPerTransaction = batch
    let shop = try await RekeyShop(
      at: place, personCount: people, pace: rekeyPace, cachedValueCountMax: cached)
    defer { shop.close() }
    try await shop.fill(rowCount: rows)
    let count = renamed == 0 ? people : renamed

    let before = try await shop.latencies(readers: readers, seconds: seconds)
    let noting = ContinuousClock.now
    try await shop.rename(count)
    let notedSeconds = (ContinuousClock.now - noting) / .seconds(1)
    let moving = ContinuousClock.now
    let beside = try await shop.latencies(readers: readers) { try await shop.moveAll() }
    let seconds = (ContinuousClock.now - moving) / .seconds(1)
    let after = try await shop.latencies(readers: readers, seconds: seconds)
    let moved = try shop.service.rekeying.progress(of: 1)
    guard moved.peopleLeft == 0, moved.peopleMoved == UInt64(count) else {
      throw ValidationError("\(moved.peopleLeft) people were not moved")
    }
    let quiet = (before.percentile(0.99) + after.percentile(0.99)) / 2
    print(
      """
      {
        "people": \(people),
        "rows": \(moved.rowsMoved),
        "reads": \(beside.count),
        "rekey_renamings_noted_per_s": \(Int(Double(count) / notedSeconds)),
        "rekey_rows_per_s": \(Int(Double(moved.rowsMoved) / seconds)),
        "rekey_quiet_reads_per_s": \(Int(Double(before.count) / self.seconds)),
        "rekey_reads_per_s": \(Int(Double(beside.count) / seconds)),
        "rekey_quiet_p50_us": \(before.percentile(0.5)),
        "rekey_read_p50_us": \(beside.percentile(0.5)),
        "rekey_quiet_before_p99_us": \(before.percentile(0.99)),
        "rekey_quiet_after_p99_us": \(after.percentile(0.99)),
        "rekey_quiet_p99_us": \(quiet),
        "rekey_read_p99_us": \(beside.percentile(0.99)),
        "rekey_read_p99_ratio": \(beside.percentile(0.99) / quiet)
      }
      """)
  }
}

extension [Double] {
  /// The value below which the part `part` of them lies; 0 of none.
  fileprivate func percentile(_ part: Double) -> Double {
    let sorted = sorted()
    return sorted.isEmpty ? 0 : sorted[Swift.min(count - 1, Int(Double(count) * part))]
  }
}
