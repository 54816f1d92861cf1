internal import Cryptography
internal import PrivacyCore
internal import SealedStore

/// Seals a loaded store under a second key as fast as it goes, with gets of random rows beside it.
enum Resealing {
  static func run(_ arguments: Arguments) async throws {
    let store = try BenchStore.open(arguments.directory)
    let rowCount = arguments.number("rows", default: 1_000_000)
    let quietSeconds = Double(arguments.number("quiet-ms", default: 2_000)) / 1_000
    var random = SplitMix64(seed: 5)

    let start = ContinuousClock.now
    let quiet = try latencies(of: store, rowCount, &random) {
      (ContinuousClock.now - start).seconds < quietSeconds
    }
    let secret = SecretBytes(copying: [UInt8](repeating: 2, count: SealingKey.keyByteCount))
    let oldKey = try BenchStore.sealingKey()
    try await store.adopt(
      SealingKeyRing(
        current: SealingKey(id: KeyID(rawValue: 2), secret: secret), retired: [oldKey]))
    let begun = ContinuousClock.now
    try store.startResealing(ResealPace(valuesPerSecondMax: ResealPace.range.upperBound))
    let beside = try latencies(of: store, rowCount, &random) {
      try store.resealProgress().state == .running
    }
    let seconds = (ContinuousClock.now - begun).seconds
    let progress = try store.resealProgress()
    guard progress.state == .done else { throw UsageError(text: "it is \(progress.state)") }
    let proofStart = ContinuousClock.now
    _ = try store.proveUnused(KeyID(rawValue: 1))
    let proofSeconds = (ContinuousClock.now - proofStart).seconds
    printReport([
      "reseal_rows_per_s": Double(progress.resealedCount) / seconds,
      "reseal_get_p99_us": percentile99(beside), "quiet_get_p99_us": percentile99(quiet),
      "proof_rows_per_s": Double(progress.resealedCount) / proofSeconds,
      "reseal_s": seconds,
    ])
    store.close()
  }

  /// Microseconds of single gets for as long as `goesOn` says so, asked each 64 gets.
  private static func latencies(
    of store: SealedStore, _ rowCount: Int, _ random: inout SplitMix64,
    while goesOn: () throws -> Bool
  ) throws -> [Double] {
    var found: [Double] = []
    while try goesOn() {
      for _ in 0..<64 {
        let number = Int(random.next() % UInt64(rowCount))
        let start = ContinuousClock.now
        let value = try store.read { try $0.get(BenchStore.table, BenchStore.pid(number)) }
        found.append((ContinuousClock.now - start).seconds * 1e6)
        guard value?.count == BenchStore.valueByteCount else {
          throw UsageError(text: "row \(number) is missing")
        }
      }
    }
    return found
  }

  private static func percentile99(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * 99 / 100)]
  }
}
