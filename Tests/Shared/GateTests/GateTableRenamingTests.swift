import Gate
import PrivacyCore
import TestSupport
import Testing

@Suite("Renamed people at a gate")
struct GateTableRenamingTests {
  let time = ManualTime(now: Example.now)

  private func renaming(
    _ sequence: UInt64, _ former: UInt64, to person: UInt64, rotation: UInt32 = 1
  ) -> ConsentChange {
    Example.change(
      sequence, .renaming(former: Example.pid(former), rotation: rotation), of: person,
      scopes: [])
  }

  @Test("what was given under the former pid counts under both, reads and writes")
  func both() {
    let gate = Gate.forTests(
      time: time, changes: [Example.change(1), renaming(2, 1, to: 11)])
    for name in [UInt64(1), 11] {
      #expect(gate.withholding(name) == nil)
      #expect(gate.writeWithholding(name, receipt: 1) == nil)
    }
    #expect(gate.personCount == 1)
    #expect(gate.withholding(2) == .neverAsked)
  }

  @Test(
    "what is taken back under either pid is taken back under both",
    arguments: [
      (UInt64(1), ConsentChange.Kind.withdrawal, Withholding.withdrawn),
      (11, .withdrawal, .withdrawn), (1, .objection, .objected), (11, .restriction, .restricted),
      (11, .erasure, .erased), (1, .erasure, .erased),
    ])
  func takenBack(_ name: UInt64, _ kind: ConsentChange.Kind, _ reason: Withholding) {
    let gate = Gate.forTests(
      time: time,
      changes: [Example.change(1), renaming(2, 1, to: 11), Example.change(3, kind, of: name)])
    #expect(gate.withholding(1) == reason)
    #expect(gate.withholding(11) == reason)
  }

  @Test("a person who was erased stays erased under the new pid")
  func erased() {
    let gate = Gate.forTests(
      time: time, changes: [Example.change(1), Example.change(2, .erasure), renaming(3, 1, to: 11)])
    #expect(gate.withholding(11) == .erased)
    #expect(gate.withholding(1) == .erased)
  }

  @Test("somebody without receipts is renamed before the first one")
  func unknown() {
    let gate = Gate.forTests(
      time: time, changes: [renaming(1, 1, to: 11), Example.change(2, of: 11)])
    #expect(gate.withholding(1) == nil)
    #expect(gate.withholding(11) == nil)
  }

  @Test("through two rotations the first pid means nobody once the first is over")
  func twice() {
    let gate = Gate.forTests(
      time: time,
      changes: [Example.change(1), renaming(2, 1, to: 11), renaming(3, 11, to: 21, rotation: 2)])
    for name in [UInt64(1), 11, 21] { #expect(gate.withholding(name) == nil) }
    gate.retire(1)
    #expect(gate.withholding(1) == .neverAsked)
    #expect(gate.withholding(11) == nil)
    gate.retire(2)
    #expect(gate.withholding(11) == .neverAsked)
    #expect(gate.withholding(21) == nil)
    // An older number says nothing new.
    gate.retire(1)
    #expect(gate.withholding(21) == nil)
  }

  @Test("a renaming read after its rotation was over leaves the former pid to nobody")
  func late() async throws {
    let gate = Gate.forTests(time: time)
    gate.retire(1)
    try await gate.apply([Example.change(1), renaming(2, 1, to: 11)])
    #expect(gate.withholding(1) == .neverAsked)
    #expect(gate.withholding(11) == nil)
    #expect(gate.personCount == 1)
  }

  @Test("many people, renamed at random moments, are allowed what a plain list says")
  func random() async throws {
    let random = SeededRandom(seed: 5)
    let gate = Gate.forTests(time: time)
    var allowed = [Bool](repeating: false, count: 200)
    var isRenamed = [Bool](repeating: false, count: 200)
    for sequence in UInt64(1)...4_000 {
      let person = Int(random.word() % 200)
      let name = UInt64(isRenamed[person] && random.word() % 2 == 0 ? 1_000 + person : person)
      switch random.word() % 4 {
      case 0:
        try await gate.apply([Example.change(sequence, .withdrawal, of: name)])
        allowed[person] = false
      case 1 where !isRenamed[person]:
        try await gate.apply([renaming(sequence, UInt64(person), to: UInt64(1_000 + person))])
        isRenamed[person] = true
      default:
        try await gate.apply([Example.change(sequence, of: name)])
        allowed[person] = true
      }
    }
    for person in 0..<200 {
      #expect((gate.withholding(UInt64(person)) == nil) == allowed[person])
      guard isRenamed[person] else { continue }
      #expect((gate.withholding(UInt64(1_000 + person)) == nil) == allowed[person])
    }
    #expect(gate.personCount <= 200)
  }
}
