internal import ArgumentParser
internal import AuditLog
internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import Synchronization
internal import TransparencyLog

/// Measures the audit log on a store of its own and prints one JSON document:
///
///     log_entries_per_s_durable    entries acknowledged in a second, each its own transaction
///     entry_to_checkpoint_p99_ms   from the call to a signed checkpoint over the entry, under a
///                                  steady load
///     log_searched_entries_per_s   entries looked through for those that name a person
@main
struct AuditLogBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit-log-bench", abstract: "Measure the audit log; prints JSON.")

  @Option(help: "Callers that append at the same time.") var writers = 64
  @Option(help: "Seconds of each measurement.") var seconds = 5.0
  @Option(help: "Entries in a second while the way to a checkpoint is measured.") var rate = 2_000
  @Option(help: "The directory for the store; a temporary one where none is given.")
  var directory: String?

  func validate() throws {
    guard (1...4_096).contains(writers), (0.1...600).contains(seconds),
      (1...100_000).contains(rate)
    else {
      throw ValidationError("--writers takes 1 to 4096, --seconds 0.1 to 600, --rate 1 to 100000")
    }
  }

  func run() async throws {
    let parent = directory.map { URL(filePath: $0) } ?? FileManager.default.temporaryDirectory
    let place = parent.appending(path: "audit-log-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: place) }
    let random = SystemRandom()
    let store = try SealedStore.open(
      at: place,
      keys: SealingKeyRing(
        current: SealingKey(
          id: KeyID(rawValue: 1), secret: SecretBytes(random: random, count: 32))),
      tables: AuditLog.tables, configuration: StoreConfiguration(serviceName: "bench"))
    defer { store.close() }
    let signer = try NoteSigner(
      name: "tacit/bench", kind: .note,
      key: SigningKey(seed: SecretBytes(random: random, count: 32)))
    let log = AuditLog(store: store, time: SystemTime(), signer: signer)
    try await log.start()

    let throughput = try await measureThroughput(log)
    let latency = try await measureLatency(log)
    let proofs = try measureProofs(log)
    let search = try await measureSearch(log)
    let verification = ContinuousClock().now
    guard case .intact(let entryCount, _) = try log.verify() else {
      throw ExitCode.failure
    }
    let verifySeconds = (ContinuousClock().now - verification) / .seconds(1)
    try await log.close()
    let result = Result(
      logEntriesPerSecondDurable: throughput, entryToCheckpointP50Ms: latency.p50,
      entryToCheckpointP99Ms: latency.p99, entryToCheckpointWorstMs: latency.worst,
      proofUs: proofs.microseconds, proofHashes: proofs.hashes, entries: entryCount,
      verifiedEntriesPerSecond: Double(entryCount) / verifySeconds,
      searchedEntriesPerSecond: search)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    print(String(decoding: try encoder.encode(result), as: UTF8.self))
  }

  private struct Result: Encodable {
    let logEntriesPerSecondDurable: Double
    let entryToCheckpointP50Ms: Double
    let entryToCheckpointP99Ms: Double
    let entryToCheckpointWorstMs: Double
    let proofUs: Double
    let proofHashes: Int
    let entries: UInt64
    let verifiedEntriesPerSecond: Double
    let searchedEntriesPerSecond: Double

    enum CodingKeys: String, CodingKey {
      case logEntriesPerSecondDurable = "log_entries_per_s_durable"
      case entryToCheckpointP50Ms = "entry_to_checkpoint_p50_ms"
      case entryToCheckpointP99Ms = "entry_to_checkpoint_p99_ms"
      case entryToCheckpointWorstMs = "entry_to_checkpoint_worst_ms"
      case proofUs = "log_proof_us"
      case proofHashes = "log_proof_hashes"
      case entries = "log_entries"
      case verifiedEntriesPerSecond = "log_verified_entries_per_s"
      case searchedEntriesPerSecond = "log_searched_entries_per_s"
    }
  }

  private static func entry(_ number: Int) -> AuditEntry {
    AuditEntry(
      principal: "spiffe://tacit/service/bench", action: "bench.act", purpose: "measurement",
      pids: PseudonymousID(bytes: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32))
        .map { [$0] } ?? [],
      consentIDs: ["c_01J0000000000000000000000"], details: [("number", String(number))])
  }

  /// Every writer appends one entry after the other, each acknowledged before the next.
  private func measureThroughput(_ log: AuditLog) async throws -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    let end = start + .seconds(seconds)
    let counts = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<writers {
        group.addTask {
          var count = 0
          while clock.now < end {
            try await log.append(Self.entry(count))
            count += 1
          }
          return count
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    return Double(counts.reduce(0, +)) / ((clock.now - start) / .seconds(1))
  }

  /// Entries come at a steady rate; each waits for its checkpoint.
  private func measureLatency(
    _ log: AuditLog
  ) async throws -> (p50: Double, p99: Double, worst: Double) {
    let clock = ContinuousClock()
    let start = clock.now
    let count = Int(seconds * Double(rate))
    var times = try await withThrowingTaskGroup(of: Double.self) { group in
      for number in 0..<count {
        let due = start + .seconds(Double(number) / Double(rate))
        if clock.now < due { try await clock.sleep(until: due) }
        group.addTask {
          let begin = clock.now
          _ = try await log.appendCovered(Self.entry(number))
          return (clock.now - begin) / .milliseconds(1)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    times.sort()
    guard let worst = times.last else { throw ExitCode.failure }
    return (times[times.count / 2], times[times.count * 99 / 100], worst)
  }

  /// Looks for one person in 256 through the whole log.
  private func measureSearch(_ log: AuditLog) async throws -> Double {
    guard let pid = PseudonymousID(bytes: [UInt8](repeating: 7, count: 32)) else {
      throw ExitCode.failure
    }
    let size = try log.count()
    let clock = ContinuousClock()
    let start = clock.now
    var foundCount = 0
    try await log.mentions(of: [pid]) { _ in foundCount += 1 }
    guard foundCount > 0 else { throw ExitCode.failure }
    return Double(size) / ((clock.now - start) / .seconds(1))
  }

  /// The mean of a thousand inclusion proofs of entries all over the log.
  private func measureProofs(_ log: AuditLog) throws -> (microseconds: Double, hashes: Int) {
    let size = try log.count()
    let clock = ContinuousClock()
    var hashes = 0
    let start = clock.now
    for step in 0..<1_000 as Range<UInt64> {
      hashes += try log.inclusionProof(index: step * (size - 1) / 1_000, treeSize: size).path.count
    }
    return ((clock.now - start) / .microseconds(1) / 1_000, hashes / 1_000)
  }
}
