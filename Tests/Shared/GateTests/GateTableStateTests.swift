import Gate
import PrivacyCore
import TestSupport
import Testing

extension Example {
  static func answer(
    _ sequence: UInt64, of person: UInt64 = 1, scopes: [Scope] = [], denied: [Scope] = []
  ) -> ConsentChange {
    ConsentChange(
      sequence: LogSequenceNumber(sequence), pid: pid(person),
      kind: scopes.isEmpty ? .denial : .grant, scopes: scopes, deniedScopes: denied,
      consentID: id(sequence), grantedAt: now,
      expiresAt: now.advanced(byMicroseconds: 3_600_000_000))
  }
}

@Suite("Refusals, objections and restrictions at a gate")
struct GateTableStateTests {
  let time = ManualTime(now: Example.now)

  @Test("a refusal is told apart from never asked, also beside a consent")
  func denial() {
    let gate = Gate.forTests(
      time: time,
      changes: [
        Example.answer(1, scopes: [Example.productRecs], denied: [Example.analytics]),
        Example.answer(2, of: 2, denied: [Example.analytics]),
      ])
    #expect(gate.withholding(1) == nil)
    #expect(gate.withholding(1, Example.analytics) == .denied)
    #expect(gate.withholding(2, Example.analytics) == .denied)
    #expect(gate.withholding(2) == .neverAsked)
    #expect(gate.writeWithholding(2, receipt: 2) == .denied)
  }

  @Test("an objection takes back with its own reason until there is a new consent")
  func objection() {
    let changes = [Example.change(1), Example.change(2, .objection)]
    #expect(Gate.forTests(time: time, changes: changes).withholding(1) == .objected)
    let again = Gate.forTests(time: time, changes: changes + [Example.change(3)])
    #expect(again.withholding(1) == nil)
  }

  @Test("a restriction stands beside the consent until it is lifted, for writes too")
  func restriction() {
    let changes = [Example.change(1), Example.change(2, .restriction)]
    let gate = Gate.forTests(time: time, changes: changes)
    #expect(gate.withholding(1) == .restricted)
    #expect(gate.writeWithholding(1, receipt: 1) == .restricted)
    let given = Gate.forTests(time: time, changes: changes + [Example.change(3)])
    #expect(given.withholding(1) == .restricted)
    let lifted = Gate.forTests(
      time: time,
      changes: changes + [Example.change(3), Example.change(4, .restrictionLifted)])
    #expect(lifted.withholding(1) == nil)
    #expect(lifted.writeWithholding(1, receipt: 3) == nil)
    let withdrawn = Gate.forTests(
      time: time,
      changes: changes + [Example.change(3, .withdrawal), Example.change(4, .restrictionLifted)])
    #expect(withdrawn.withholding(1) == .withdrawn)
  }

  @Test("a write is admitted for the scopes of its receipt that are not restricted")
  func partlyRestricted() {
    let gate = Gate.forTests(
      time: time,
      changes: [
        Example.change(1, scopes: [Example.productRecs, Example.analytics]),
        Example.change(2, .restriction, scopes: [Example.analytics]),
      ])
    guard
      case .admitted(let proof) = gate.admitWrite(
        Example.pid(1), consentID: Example.id(1).description)
    else {
      Issue.record("the gate withheld")
      return
    }
    #expect(proof.scopes == [Example.productRecs])
  }

  /// Lengths of grants, and how long each counts, in microseconds.
  static let lengths: [(length: Int64, counts: Int64)] = [
    (-1, 0), (0, 0), (1, 0), (31_249, 0), (31_250, 31_250), (31_251, 31_250),
    (999_999, 968_750), (1_000_000, 1_000_000), (1_000_001, 1_000_000),
    (((1 << 37) - 1) * 31_250, ((1 << 37) - 1) * 31_250),
    ((1 << 37) * 31_250, ((1 << 37) - 1) * 31_250),
  ]

  @Test("an end between two 32nds of a second counts as the one before it", arguments: lengths)
  func ends(length: Int64, counts: Int64) {
    let change = ConsentChange(
      sequence: LogSequenceNumber(1), pid: Example.pid(1), kind: .grant,
      scopes: [Example.productRecs], consentID: Example.id(1), grantedAt: Example.now,
      expiresAt: Example.now.advanced(byMicroseconds: length))
    let gate = Gate.forTests(time: time, changes: [change])
    if counts > 0 {
      time.jump(to: Example.now.advanced(byMicroseconds: counts - 1))
      #expect(gate.withholding(1) == nil)
    }
    time.jump(to: Example.now.advanced(byMicroseconds: counts))
    #expect(gate.withholding(1) == .expired)
  }

  @Test("positions beyond 32 bits are kept")
  func positions() {
    let gate = Gate.forTests(time: time, changes: [Example.change(1 << 39 | 5)])
    guard case .admitted(let proof) = gate.admit(Example.pid(1), scope: Example.productRecs)
    else {
      Issue.record("the gate withheld")
      return
    }
    #expect(proof.sequence == LogSequenceNumber(1 << 39 | 5))
  }

  @Test("a person whose scopes stand on one receipt takes at most 80 bytes, at every size")
  func memory() async throws {
    let gate = Gate.forTests(time: time)
    let scopes = [Example.productRecs, Example.analytics]
    var next: UInt64 = 1
    for size in stride(from: UInt64(6_000), through: 60_000, by: 2_000) {
      try await gate.apply(
        (next...size).map { Example.change($0, of: $0, scopes: scopes) })
      next = size + 1
      // A chunk of 1,024 people may be all but empty; it is no longer seen at a million people.
      let perPerson = Double(gate.tableByteCount - 1_024 * 72) / Double(gate.personCount)
      #expect(perPerson <= 80, "\(perPerson) bytes at \(size) people")
    }
  }

  @Test("agrees with a plain fold over random changes", arguments: UInt64(1)...20)
  func agreesWithFold(seed: UInt64) {
    var random = Draws(seed)
    let scopes = (0..<40).map { Example.scope("scope_\($0)") }
    var changes: [ConsentChange] = []
    for sequence in UInt64(1)...400 {
      let kinds: [ConsentChange.Kind] = [
        .grant, .grant, .grant, .withdrawal, .objection, .restriction, .restrictionLifted, .denial,
      ]
      let kind =
        Int.random(in: 0..<100, using: &random) == 0
        ? .erasure : kinds[Int.random(in: 0..<kinds.count, using: &random)]
      let named = scopes.shuffled(using: &random).prefix(
        Int.random(in: 1...6, using: &random))
      let split = kind == .denial ? 0 : kind == .grant ? max(1, named.count / 2) : named.count
      changes.append(
        ConsentChange(
          sequence: LogSequenceNumber(sequence),
          pid: Example.pid(UInt64.random(in: 1...6, using: &random)), kind: kind,
          scopes: Array(named.prefix(split)), deniedScopes: Array(named.dropFirst(split)),
          consentID: Example.id(sequence), grantedAt: Example.now,
          expiresAt: Example.now.advanced(byMicroseconds: 1_000_000)))
    }
    let gate = Gate.forTests(time: time, changes: changes)
    let fold = NaiveGate(changes)
    for person in UInt64(1)...7 {
      for scope in scopes {
        #expect(
          gate.withholding(person, scope) == fold.withholding(person, scope),
          "seed \(seed), person \(person), \(scope)")
      }
    }
  }
}

/// Draws from a seed.
private struct Draws: RandomNumberGenerator {
  private let source: SeededRandom

  init(_ seed: UInt64) { source = SeededRandom(seed: seed) }

  mutating func next() -> UInt64 {
    source.bytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// The latest change of each scope, by the book.
private struct NaiveGate {
  private var states: [PseudonymousID: [Scope: Withholding?]] = [:]
  private var restricted: [PseudonymousID: Set<Scope>] = [:]
  private var erased: Set<PseudonymousID> = []

  init(_ changes: [ConsentChange]) {
    for change in changes {
      switch change.kind {
      case .grant:
        for scope in change.scopes { states[change.pid, default: [:]][scope] = .some(nil) }
      case .withdrawal:
        for scope in change.scopes { states[change.pid, default: [:]][scope] = .withdrawn }
      case .objection:
        for scope in change.scopes { states[change.pid, default: [:]][scope] = .objected }
      case .restriction: restricted[change.pid, default: []].formUnion(change.scopes)
      case .restrictionLifted: restricted[change.pid, default: []].subtract(change.scopes)
      case .renaming: break
      case .denial: break
      case .erasure: erased.insert(change.pid)
      }
      for scope in change.deniedScopes { states[change.pid, default: [:]][scope] = .denied }
    }
  }

  func withholding(_ person: UInt64, _ scope: Scope) -> Withholding? {
    let pid = Example.pid(person)
    if erased.contains(pid) { return .erased }
    guard let state = states[pid]?[scope] else { return .neverAsked }
    if let state { return state }
    return restricted[pid]?.contains(scope) == true ? .restricted : nil
  }
}
