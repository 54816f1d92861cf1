internal import ArgumentParser
internal import AuditLog
internal import ConsentService
internal import Foundation
internal import SealedStore

/// Measures recording and proving on a consent ledger of its own and prints one JSON document:
///
///     at_proof_ms             one piece of evidence at a time that has passed, the 99th of a hundred
///     proof_bytes             the most bytes of any
///     import_receipts_per_s   receipts recorded in a second by the ledger alone, in chunks
///     receipts_per_s_durable  receipts acknowledged in a second, each its own transaction
///     renamings_per_s         people renamed in a second by the ledger alone
///     withdraw_while_renaming_p99_ms  recording a withdrawal meanwhile, of a hundred a second
///     withdraw_alone_p99_ms   the same while nobody is renamed
@main
struct ConsentProofBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "consent-proof-bench",
    abstract: "Measure recording and proving receipts; prints JSON.")

  @Option(help: "How many receipts the ledger holds while it proves.")
  var receipts: UInt64 = 1_000_000
  @Option(help: "Callers that record at the same time.") var writers = 64
  @Option(help: "Seconds for which they do.") var seconds = 5.0
  @Option(help: "How many of the people get another pid.") var renamings: UInt64 = 100_000
  @Option(help: "How many of these share a transaction.")
  var renamingBatch = ConsentConfiguration().renamingBatchCount
  @Option(help: "The directory for the store; a temporary one where none is given.")
  var directory: String?

  func validate() throws {
    guard (10_000...100_000_000).contains(receipts), (1...4_096).contains(writers),
      (0.1...600).contains(seconds), (1...receipts / 2).contains(renamings),
      (1...4_096).contains(renamingBatch)
    else {
      throw ValidationError(
        "--receipts takes 10,000 to 100,000,000, --writers 1 to 4,096, --seconds 0.1 to 600, "
          + "--renamings 1 to half the receipts, --renaming-batch 1 to 4,096")
    }
  }

  private struct Result: Encodable {
    let receipts: UInt64
    let importPerSecond: Double
    let singlesPerSecond: Double
    let atProofMs: Double
    let atProofP50Ms: Double
    let atProofLongHistoryMs: Double
    let atCheckMs: Double
    let proofBytes: Int
    let verifyMs: Double
    let renamingsPerSecond: Double
    let withdrawalP50Ms: Double
    let withdrawalP99Ms: Double
    let aloneP99Ms: Double

    enum CodingKeys: String, CodingKey {
      case receipts = "proof_receipts"
      case importPerSecond = "ledger_import_receipts_per_s"
      case singlesPerSecond = "ledger_receipts_per_s_durable"
      case atProofMs = "at_proof_ms"
      case atProofP50Ms = "at_proof_p50_ms"
      case atProofLongHistoryMs = "at_proof_long_history_ms"
      case atCheckMs = "at_check_ms"
      case proofBytes = "proof_bytes"
      case verifyMs = "verify_proof_ms"
      case renamingsPerSecond = "renamings_per_s"
      case withdrawalP50Ms = "withdraw_while_renaming_p50_ms"
      case withdrawalP99Ms = "withdraw_while_renaming_p99_ms"
      case aloneP99Ms = "withdraw_alone_p99_ms"
    }
  }

  func run() async throws {
    let parent = directory.map { URL(filePath: $0) } ?? FileManager.default.temporaryDirectory
    let place = parent.appending(path: "consent-proof-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: place) }
    let bench = try LedgerBench(at: place)
    defer { bench.store.close() }
    try await bench.audit.start()
    let proofs = ProofBench(bench, receiptCount: receipts)
    let importPerSecond = try await proofs.fill()
    let figures = try await proofs.measure()
    let singles = try await bench.measureSingles(
      writers: writers, seconds: seconds, from: 1 << 48)
    let renamed = try await RenamingBench(
      bench, of: 1..<1 + renamings, batchCount: renamingBatch
    ).measure()
    let result = Result(
      receipts: figures.receipts, importPerSecond: importPerSecond, singlesPerSecond: singles,
      atProofMs: figures.atProofMs, atProofP50Ms: figures.atProofP50Ms,
      atProofLongHistoryMs: figures.atProofLongHistoryMs, atCheckMs: figures.atCheckMs,
      proofBytes: figures.proofBytes, verifyMs: figures.verifyMs,
      renamingsPerSecond: renamed.renamingsPerSecond, withdrawalP50Ms: renamed.withdrawalP50Ms,
      withdrawalP99Ms: renamed.withdrawalP99Ms, aloneP99Ms: renamed.aloneP99Ms)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    print(String(decoding: try encoder.encode(result), as: UTF8.self))
  }
}
