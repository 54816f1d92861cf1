import ConsentAPI
import ConsentService
import ConsentVerifier
import PrivacyCore
import TestSupport
import Testing

@Suite("What counts for a person")
struct PersonStateTests {
  private func state(_ receipts: Receipt...) -> PersonState {
    var state = PersonState()
    for receipt in receipts { state.record(receipt, hash: []) }
    return state
  }

  private func reason(_ state: PersonState, _ scope: String, days: Int64 = 1) -> CheckReason {
    state.decision(for: scope, at: day(days)).reason
  }

  private func taken(
    _ state: PersonState, _ scopes: [String], known: [String] = []
  ) -> TakingBackPlan {
    state.takingBack(scopes, kind: .withdrawal, known: known, tree: PurposeTree())
  }

  private func day(_ days: Int64) -> Timestamp {
    Example.now.advanced(byMicroseconds: days * 86_400_000_000)
  }

  @Test("the latest receipt in log order rules, scope by scope")
  func latestRules() {
    let state = state(
      Example.receipt(1, scopes: ["product_recs", "analytics"]),
      Example.receipt(2, kind: .withdrawal, scopes: ["analytics"]))
    #expect(reason(state, "product_recs") == .granted)
    #expect(reason(state, "analytics") == .withdrawn)
    #expect(reason(state, "marketing") == .neverAsked)
    #expect(state.decision(for: "product_recs", at: day(1)).consentID == Example.id(1).description)
  }

  @Test("a grant counts from its beginning until just before its expiry")
  func bounds() {
    let state = state(Example.receipt(1, fromDay: 2, days: 3))
    let begin = day(2)
    let end = day(5)
    #expect(
      state.decision(for: "product_recs", at: begin.advanced(byMicroseconds: -1)).reason
        == .notYetValid)
    #expect(state.decision(for: "product_recs", at: begin).reason == .granted)
    #expect(
      state.decision(for: "product_recs", at: end.advanced(byMicroseconds: -1)).reason == .granted)
    #expect(state.decision(for: "product_recs", at: end).reason == .expired)
  }

  @Test("an erasure leaves nothing")
  func erasure() {
    let state = state(Example.receipt(1), Example.receipt(2, kind: .erasure, scopes: []))
    #expect(reason(state, "product_recs") == .erased)
    #expect(reason(state, "never_heard_of") == .erased)
    #expect(throws: ReceiptRefusal.erased) {
      try state.checkAnswer(Example.draft(), receiptCountMax: 10)
    }
  }

  @Test("a consent given before a withdrawal does not restore what was taken back")
  func lateGrant() {
    let state = state(
      Example.receipt(1), Example.receipt(2, kind: .withdrawal, fromDay: 3))
    #expect(throws: ReceiptRefusal.takenBackLater(scope: "product_recs", at: day(3))) {
      try state.checkAnswer(
        Example.draft(from: day(3).advanced(byMicroseconds: -1)), receiptCountMax: 10)
    }
    #expect(throws: Never.self) {
      try state.checkAnswer(Example.draft(from: day(3)), receiptCountMax: 10)
      try state.checkAnswer(Example.draft(from: nil), receiptCountMax: 10)
      try state.checkAnswer(Example.draft(scopes: ["analytics"], from: day(0)), receiptCountMax: 10)
    }
    // A consent given now is never dated before what it follows, even by a clock set back.
    #expect(state.date(now: day(1)) == day(3))
    #expect(state.date(now: day(4)) == day(4))
  }

  @Test("a person has a bounded number of receipts")
  func receiptCount() {
    let state = state(Example.receipt(1), Example.receipt(2))
    #expect(throws: Never.self) { try state.checkAnswer(Example.draft(), receiptCountMax: 3) }
    #expect(throws: ReceiptRefusal.tooManyReceipts(limit: 2)) {
      try state.checkAnswer(Example.draft(), receiptCountMax: 2)
    }
  }

  @Test("withdrawing all names every scope that is granted or known")
  func withdrawAll() {
    let state = state(Example.receipt(1, scopes: ["retired_scope", "analytics"]))
    let plan = state.takingBack(
      [], kind: .withdrawal, known: ["product_recs", "analytics"], tree: PurposeTree())
    #expect(plan == .record(["retired_scope", "analytics", "product_recs"]))
  }

  @Test("withdrawing what was never granted is recorded")
  func withdrawUngranted() {
    #expect(taken(PersonState(), ["analytics"]) == .record(["analytics"]))
  }

  @Test("withdrawing again, or after an erasure, is answered with the receipt that did it")
  func withdrawAgain() {
    let state = state(
      Example.receipt(1), Example.receipt(2, kind: .withdrawal, scopes: ["product_recs"]),
      Example.receipt(3, kind: .withdrawal, scopes: ["analytics"]))
    #expect(taken(state, ["product_recs"]) == .recordedAlready(2))
    #expect(taken(state, ["product_recs", "analytics"]) == .recordedAlready(3))
    #expect(
      taken(state, ["product_recs", "marketing"])
        == .record(["product_recs", "marketing"]))
    var erased = state
    erased.record(Example.receipt(4, kind: .erasure, scopes: []), hash: [])
    #expect(taken(erased, [], known: ["marketing"]) == .recordedAlready(4))
  }
}
