internal import AuditLog
internal import ConsentAPI
internal import ConsentService
internal import ConsentVerifier
internal import PrivacyCore
internal import TransparencyLog

/// Measures evidence at a time that has passed, on a ledger of so many receipts: people with one
/// imported receipt, people who took it back in a later import, and one person whose answers changed
/// thousands of times.
struct ProofBench {
  /// What was measured. Times are of the service's part: no network.
  struct Figures {
    /// Milliseconds for one piece of evidence: the 99th of a hundred, over all of them.
    var atProofMs = 0.0
    /// The same, the middle one.
    var atProofP50Ms = 0.0
    /// The same for the person with a long history alone, the 99th of a hundred.
    var atProofLongHistoryMs = 0.0
    /// Milliseconds of a check at such a time without a proof, the 99th of a hundred.
    var atCheckMs = 0.0
    /// The most bytes of any piece of evidence.
    var proofBytes = 0
    /// Milliseconds to verify one, the middle one.
    var verifyMs = 0.0
    /// How many receipts the ledger held.
    var receipts: UInt64 = 0
  }

  private let bench: LedgerBench
  private let changeCount: UInt64
  private let peopleCount: UInt64
  private let withdrawnCount: UInt64
  /// The person whose answers change.
  private static let changing: UInt64 = 1 << 60

  /// - Parameters:
  ///   - receiptCount: how many receipts there are to be.
  ///   - changeCount: how many of them are one person's.
  init(_ bench: LedgerBench, receiptCount: UInt64, changeCount: UInt64 = 4_000) {
    self.bench = bench
    self.changeCount = changeCount
    let rest = receiptCount - changeCount
    withdrawnCount = rest / 50
    peopleCount = rest - withdrawnCount
  }

  /// Fills the ledger; answers receipts in a second of its first and largest import.
  func fill(chunkCount: Int = 2_000) async throws -> Double {
    let rate = try await bench.measureImport(of: 0..<peopleCount, chunkCount: chunkCount)
    let pauses = peopleCount / withdrawnCount
    var lines: [ImportLine] = []
    for number in 0..<withdrawnCount {
      var draft = LedgerBench.draft(number * pauses)
      draft.kind = .withdrawal
      draft.grantedAt = nil
      draft.expiresAt = nil
      lines.append(ImportLine(number: number, draft: .success(draft)))
      if lines.count == chunkCount || number + 1 == withdrawnCount {
        _ = try await bench.ledger.record(lines, by: "tacit:local")
        lines = []
      }
    }
    for number in 0..<changeCount {
      var draft = LedgerBench.draft(Self.changing)
      draft.grantedAt = nil
      if number.isMultiple(of: 2) {
        _ = try await bench.ledger.answer(draft, by: "tacit:local")
      } else {
        draft.kind = .withdrawal
        draft.expiresAt = nil
        _ = try await bench.ledger.takeBack(draft, by: "tacit:local")
      }
    }
    // What follows asks for times that have passed.
    _ = try await bench.ledger.settle(through: nil)
    _ = try await bench.audit.publish()
    return rate
  }

  /// Asks for evidence of `count` people of each kind; every tenth piece is verified.
  func measure(count: Int = 2_000) async throws -> Figures {
    var figures = Figures()
    let key = try bench.audit.verifyingKey()
    let verifier = EvidenceVerifier(policy: try TrustPolicy(logs: [key]))
    var random = SplitMix64(seed: 42)
    let history = try bench.ledger.receipts(of: LedgerBench.pid(Self.changing))
    let pauses = peopleCount / withdrawnCount
    let end = try await bench.ledger.settle(through: nil)
    var all: [Double] = []
    var long: [Double] = []
    var checks: [Double] = []
    var verifications: [Double] = []
    let clock = ContinuousClock()
    for number in 0..<count * 3 {
      let person: UInt64
      let at: Timestamp
      switch number % 3 {
      case 0:
        person = UInt64.random(in: 0..<peopleCount, using: &random)
        at = end
      case 1:
        // Between the two imports.
        person = UInt64.random(in: 0..<withdrawnCount, using: &random) * pauses
        at = Timestamp(
          microseconds: try bench.ledger.receipts(of: LedgerBench.pid(person))[0].recordedAtUs)
      default:
        person = Self.changing
        at = Timestamp(
          microseconds: history[Int.random(in: history.indices, using: &random)].recordedAtUs)
      }
      let pid = LedgerBench.pid(person)
      let scope = number.isMultiple(of: 2) ? "product_recs" : "analytics"
      let start = clock.now
      let evidence = try await bench.ledger.evidence(of: pid, for: scope, at: at)
      let time = (clock.now - start) / .milliseconds(1)
      all.append(time)
      if number % 3 == 2 { long.append(time) }
      let asked = clock.now
      let decision = try bench.ledger.decide(ConsentQuestion(pid: pid, scope: scope, at: at))
      checks.append((clock.now - asked) / .milliseconds(1))
      guard decision.reason == evidence.answer?.reason else {
        throw ProofBenchFailure.otherAnswer
      }
      let bytes = evidence.packed()
      figures.proofBytes = max(figures.proofBytes, bytes.count)
      guard number % 10 == 0 else { continue }
      let begin = clock.now
      _ = try verifier.verify(bytes)
      verifications.append((clock.now - begin) / .milliseconds(1))
    }
    figures.atProofMs = Self.percentile(all, 99)
    figures.atProofP50Ms = Self.percentile(all, 50)
    figures.atProofLongHistoryMs = Self.percentile(long, 99)
    figures.atCheckMs = Self.percentile(checks, 99)
    figures.verifyMs = Self.percentile(verifications, 50)
    figures.receipts = try bench.ledger.lastPosition()
    return figures
  }

  private static func percentile(_ times: [Double], _ percent: Int) -> Double {
    let sorted = times.sorted()
    return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * percent / 100)]
  }
}

/// What must not happen while it is measured.
enum ProofBenchFailure: Error {
  /// A check and the evidence do not say the same.
  case otherAnswer
}
