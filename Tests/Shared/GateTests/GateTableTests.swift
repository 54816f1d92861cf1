import Gate
import PrivacyCore
import TestSupport
import Testing

/// People, scopes and changes for the tests of the gate.
enum Example {
  static let productRecs = scope("product_recs")
  static let analytics = scope("analytics")
  static let now = Timestamp(seconds: 1_768_048_496)

  static func scope(_ name: String) -> Scope {
    guard let scope = Scope(name) else { preconditionFailure("\(name) is a scope") }
    return scope
  }

  static func pid(_ number: UInt64) -> PseudonymousID {
    var bytes = SeededRandom(seed: number).bytes(count: 24)
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> shift))
    }
    guard let pid = PseudonymousID(bytes: bytes) else { preconditionFailure("32 bytes") }
    return pid
  }

  static func id(_ number: UInt64) -> ConsentID {
    ConsentID(at: now, random: SeededRandom(seed: number))
  }

  static func change(
    _ sequence: UInt64, _ kind: ConsentChange.Kind = .grant, of person: UInt64 = 1,
    scopes: [Scope] = [productRecs], from: Timestamp = now, seconds: Int64 = 3_600
  ) -> ConsentChange {
    ConsentChange(
      sequence: LogSequenceNumber(sequence), pid: pid(person), kind: kind, scopes: scopes,
      consentID: id(sequence), grantedAt: from,
      expiresAt: kind == .grant
        ? from.advanced(byMicroseconds: seconds * 1_000_000) : Timestamp(microseconds: 0))
  }
}

extension Gate {
  /// Why a read is withheld; `nil` where it is admitted.
  func withholding(_ person: UInt64, _ scope: Scope = Example.productRecs) -> Withholding? {
    switch admit(Example.pid(person), scope: scope) {
    case .admitted: nil
    case .withheld(let reason): reason
    }
  }

  /// Why a write under the receipt of this change is withheld.
  func writeWithholding(_ person: UInt64, receipt sequence: UInt64) -> Withholding? {
    switch admitWrite(Example.pid(person), consentID: Example.id(sequence).description) {
    case .admitted: nil
    case .withheld(let reason): reason
    }
  }
}

@Suite("What a gate admits")
struct GateTableTests {
  let time = ManualTime(now: Example.now)

  @Test("a person nobody asked is withheld")
  func neverAsked() {
    let gate = Gate.forTests(time: time, changes: [Example.change(1)])
    #expect(gate.withholding(2) == .neverAsked)
    #expect(gate.withholding(1, Example.analytics) == .neverAsked)
  }

  @Test("a grant admits and the proof names the receipt, its position and its expiry")
  func grantAdmits() throws {
    let gate = Gate.forTests(time: time, changes: [Example.change(7)])
    guard case .admitted(let proof) = gate.admit(Example.pid(1), scope: Example.productRecs) else {
      Issue.record("the gate withheld")
      return
    }
    #expect(proof.pid == Example.pid(1))
    #expect(proof.scope == Example.productRecs)
    #expect(proof.consentID == Example.id(7))
    #expect(proof.sequence == LogSequenceNumber(7))
    #expect(proof.expiresAt == Example.now.advanced(byMicroseconds: 3_600_000_000))
  }

  @Test("a grant counts until just before its expiry, by the wall clock at each read")
  func expiry() {
    let gate = Gate.forTests(time: time, changes: [Example.change(1)])
    time.jump(to: Example.now.advanced(byMicroseconds: 3_599_999_999))
    #expect(gate.withholding(1) == nil)
    time.jump(to: Example.now.advanced(byMicroseconds: 3_600_000_000))
    #expect(gate.withholding(1) == .expired)
  }

  @Test("a grant counts from the moment it begins")
  func notYetValid() {
    let begin = Example.now.advanced(byMicroseconds: 10)
    let gate = Gate.forTests(time: time, changes: [Example.change(1, from: begin)])
    time.jump(to: Example.now.advanced(byMicroseconds: 9))
    #expect(gate.withholding(1) == .notYetValid)
    time.jump(to: begin)
    #expect(gate.withholding(1) == nil)
  }

  @Test("a withdrawal takes back its scopes and no other")
  func withdrawal() {
    let gate = Gate.forTests(
      time: time,
      changes: [
        Example.change(1, scopes: [Example.productRecs, Example.analytics]),
        Example.change(2, .withdrawal, scopes: [Example.analytics]),
      ])
    #expect(gate.withholding(1) == nil)
    #expect(gate.withholding(1, Example.analytics) == .withdrawn)
  }

  @Test("a grant after a withdrawal counts again")
  func grantAgain() {
    let gate = Gate.forTests(
      time: time,
      changes: [Example.change(1), Example.change(2, .withdrawal), Example.change(3)])
    #expect(gate.withholding(1) == nil)
  }

  @Test("an erasure counts for ever, whatever follows")
  func erasure() {
    let gate = Gate.forTests(
      time: time,
      changes: [Example.change(1), Example.change(2, .erasure, scopes: []), Example.change(3)])
    #expect(gate.withholding(1) == .erased)
    #expect(gate.writeWithholding(1, receipt: 3) == .erased)
  }

  @Test("an erasure of somebody unknown counts too")
  func erasureOfUnknown() {
    let gate = Gate.forTests(time: time, changes: [Example.change(1, .erasure, scopes: [])])
    #expect(gate.withholding(1) == .erased)
  }

  @Test("without a lease nothing is admitted, to read or to write")
  func noLease() {
    let gate = Gate.forTests(time: time, changes: [Example.change(1)])
    #expect(gate.isLive)
    gate.endLease()
    #expect(!gate.isLive)
    #expect(gate.withholding(1) == .noLease)
    #expect(gate.withholding(2) == .noLease)
    #expect(gate.writeWithholding(1, receipt: 1) == .noLease)
  }

  @Test("a write needs the receipt that counts for that very person")
  func writes() {
    let gate = Gate.forTests(
      time: time,
      changes: [
        Example.change(1, scopes: [Example.productRecs, Example.analytics]),
        Example.change(2, of: 2),
        Example.change(3, scopes: [Example.analytics]),
      ])
    #expect(gate.writeWithholding(1, receipt: 1) == nil)
    #expect(gate.writeWithholding(1, receipt: 3) == nil)
    #expect(gate.writeWithholding(1, receipt: 2) == .unknownReceipt)
    #expect(gate.writeWithholding(3, receipt: 1) == .unknownReceipt)
    guard case .withheld(.unknownReceipt) = gate.admitWrite(Example.pid(1), consentID: "c_1") else {
      Issue.record("a malformed id was admitted")
      return
    }
  }

  @Test("a write's proof names the scopes for which its receipt is the latest")
  func writeScopes() {
    let gate = Gate.forTests(
      time: time,
      changes: [
        Example.change(1, scopes: [Example.productRecs, Example.analytics]),
        Example.change(2, scopes: [Example.analytics]),
      ])
    guard
      case .admitted(let proof) = gate.admitWrite(
        Example.pid(1), consentID: Example.id(1).description)
    else {
      Issue.record("the gate withheld")
      return
    }
    #expect(proof.scopes == [Example.productRecs])
    #expect(proof.consentID == Example.id(1))
  }

  @Test("a write under a withdrawn or expired receipt is withheld with that reason")
  func writesThatWereTakenBack() {
    let gate = Gate.forTests(
      time: time,
      changes: [Example.change(1), Example.change(2, .withdrawal), Example.change(3, of: 2)])
    #expect(gate.writeWithholding(1, receipt: 1) == .withdrawn)
    time.advance(microseconds: 3_600_000_000)
    #expect(gate.writeWithholding(2, receipt: 3) == .expired)
  }

  @Test("ten thousand people are told apart")
  func manyPeople() {
    let changes = (1...10_000).map { number in
      Example.change(
        UInt64(number), number.isMultiple(of: 3) ? .withdrawal : .grant, of: UInt64(number))
    }
    let gate = Gate.forTests(time: time, changes: changes)
    #expect(gate.personCount == 10_000)
    let wrong = (1...10_000).filter { number in
      gate.withholding(UInt64(number)) != (number.isMultiple(of: 3) ? .withdrawn : nil)
    }
    #expect(wrong.isEmpty)
  }
}

@Suite("How a gate takes in changes")
struct GateChangeTests {
  /// Remembers what it was told, and what the gate admitted meanwhile.
  actor Witness: GateEffects {
    private(set) var sequences: [UInt64] = []
    private(set) var withheldMeanwhile: [Withholding?] = []
    private var gate: Gate?
    private var failureCount: Int

    init(failureCount: Int = 0) { self.failureCount = failureCount }

    func watch(_ gate: Gate) { self.gate = gate }

    func apply(_ changes: [ConsentChange], epoch: UInt64) async throws {
      if failureCount > 0 {
        failureCount -= 1
        throw CancellationError()
      }
      sequences += changes.map(\.sequence.value)
      if let gate { withheldMeanwhile.append(gate.withholding(1)) }
    }
  }

  @Test("effects come after the gate stopped serving and before it confirms")
  func effectsFollowTheTable() async throws {
    let witness = Witness()
    let gate = Gate.forTests(time: ManualTime(now: Example.now), effects: witness)
    await witness.watch(gate)
    try await gate.apply([Example.change(1)])
    try await gate.apply([Example.change(2, .withdrawal)])
    // A grant is served only when its effects are done; a withdrawal is in force before.
    #expect(await witness.withheldMeanwhile == [.neverAsked, .withdrawn])
    #expect(await witness.sequences == [1, 2])
    #expect(gate.appliedSequence == LogSequenceNumber(2))
  }

  @Test("a batch that takes away and gives again serves again only after the effects")
  func withdrawAndGrantInOneBatch() async throws {
    let witness = Witness()
    let gate = Gate.forTests(
      time: ManualTime(now: Example.now), effects: witness, changes: [Example.change(1)])
    await witness.watch(gate)
    try await gate.apply([Example.change(2, .withdrawal), Example.change(3)])
    #expect(await witness.withheldMeanwhile == [.withdrawn])
    #expect(gate.withholding(1) == nil)
  }

  @Test("changes that come again have no second effect")
  func repeatedChanges() async throws {
    let witness = Witness()
    let gate = Gate.forTests(time: ManualTime(now: Example.now), effects: witness)
    try await gate.apply([Example.change(1), Example.change(2, .withdrawal)])
    try await gate.apply([Example.change(2, .withdrawal)])
    #expect(await witness.sequences == [1, 2])
    #expect(gate.withholding(1) == .withdrawn)
  }

  @Test("a failed effect is not confirmed, and the person stays withheld")
  func failedEffect() async throws {
    let witness = Witness(failureCount: 1)
    let gate = Gate.forTests(
      time: ManualTime(now: Example.now), effects: witness, changes: [Example.change(1)])
    await #expect(throws: CancellationError.self) {
      try await gate.apply([Example.change(2, .withdrawal)])
    }
    #expect(gate.appliedSequence == LogSequenceNumber(1))
    #expect(gate.withholding(1) == .withdrawn)
    try await gate.apply([Example.change(2, .withdrawal)])
    #expect(gate.appliedSequence == LogSequenceNumber(2))
  }

  @Test("waiting for a position ends when it is applied, or when the time is up")
  func waiting() async throws {
    let gate = Gate.forTests()
    #expect(try await gate.waitUntilApplied(LogSequenceNumber(1), timeoutMs: 5) == false)
    try await gate.apply([Example.change(1)])
    #expect(try await gate.waitUntilApplied(LogSequenceNumber(1), timeoutMs: 5_000))
  }
}
