internal import AuditLog
internal import ConsentAPI
internal import ConsentService
internal import Cryptography
internal import Foundation
internal import PrivacyCore
internal import SealedStore
internal import TransparencyLog

/// A consent ledger on a store of its own, with a log that signs, for measurements without a network.
struct LedgerBench {
  let store: SealedStore
  let audit: AuditLog
  let ledger: ConsentLedger

  /// A new ledger in `directory`, which must not exist.
  init(at directory: URL) throws {
    let random = SystemRandom()
    store = try SealedStore.open(
      at: directory,
      keys: SealingKeyRing(
        current: SealingKey(
          id: KeyID(rawValue: 1), secret: SecretBytes(random: random, count: 32))),
      tables: ConsentService.tables + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "bench"))
    let signer = try NoteSigner(
      name: "tacit/consent/bench", kind: .note,
      key: SigningKey(seed: SecretBytes(random: random, count: 32)))
    audit = AuditLog(store: store, time: SystemTime(), signer: signer)
    var configuration = ConsentConfiguration()
    configuration.receiptCountPerPersonMax = 1_000_000
    ledger = try ConsentLedger(
      store: store, audit: audit,
      register: try CatalogRegister(scopes: configuration.scopes, store: store),
      configuration: configuration, time: SystemTime(), random: random)
  }

  /// The person with this number: people's keys are scattered, as real ones are.
  static func pid(_ number: UInt64) -> PseudonymousID {
    var random = SplitMix64(seed: SplitMix64.mixed(number))
    return PseudonymousID(words: (random.next(), random.next(), random.next(), random.next()))
  }

  /// A consent that the person with this number gave an hour ago.
  static func draft(_ number: UInt64) -> ReceiptDraft {
    let now = SystemTime().now
    return ReceiptDraft(
      pid: pid(number), kind: .grant, scopes: ["product_recs", "analytics"],
      grantedAt: now.advanced(byMicroseconds: -3_600_000_000),
      expiresAt: now.advanced(byMicroseconds: 31_536_000_000_000), source: "crm-import:v1",
      version: 2)
  }

  /// Imports receipts of `people` in chunks; answers receipts in a second.
  func measureImport(of people: Range<UInt64>, chunkCount: Int) async throws -> Double {
    let clock = ContinuousClock()
    var pending: Task<Void, any Error>?
    let start = clock.now
    for first in stride(from: people.lowerBound, to: people.upperBound, by: chunkCount) {
      let last = min(people.upperBound, first + UInt64(chunkCount))
      let lines = (first..<last).map {
        ImportLine(number: $0, draft: .success(Self.draft($0)))
      }
      try await pending?.value
      pending = Task { [ledger] in _ = try await ledger.record(lines, by: "tacit:local") }
    }
    try await pending?.value
    return Double(people.count) / ((clock.now - start) / .seconds(1))
  }

  /// `writers` callers record one receipt after the other; answers receipts in a second.
  func measureSingles(
    writers: Int, seconds: Double, from first: UInt64
  ) async throws -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    let end = start + .seconds(seconds)
    let counts = try await withThrowingTaskGroup(of: UInt64.self) { group in
      for writer in 0..<UInt64(writers) {
        group.addTask { [ledger] in
          var count: UInt64 = 0
          while clock.now < end {
            let number = first + writer << 32 + count
            _ = try await ledger.answer(Self.draft(number), by: "tacit:local")
            count += 1
          }
          return count
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    return Double(counts.reduce(0, +)) / ((clock.now - start) / .seconds(1))
  }
}
