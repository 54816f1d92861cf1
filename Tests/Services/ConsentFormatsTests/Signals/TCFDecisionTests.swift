import ConsentFormats
import Testing

@Suite("What a TC string comes to")
struct TCFDecisionTests {
  private func decision(_ core: TCCore, vendor: Int? = 7) throws -> TCFDecision {
    try TCFDecision(TCFString(decoding: core.text), vendor: vendor)
  }

  private var core: TCCore {
    var core = TCCore()
    core.consents = [1, 2, 3, 11]
    core.interests = [2, 4, 7]
    core.vendorConsents = [(7, 7)]
    core.vendorInterests = [(7, 8)]
    core.features = [1, 5]
    return core
  }

  @Test("consent goes before interest, and nothing is a refusal")
  func plain() throws {
    let decision = try decision(core)
    #expect(decision.answers[1] == .granted(.consent))
    #expect(decision.answers[2] == .granted(.consent))
    #expect(decision.answers[7] == .granted(.legitimateInterest))
    #expect(decision.answers[8] == .denied)
    #expect(decision.answers[11] == .granted(.consent))
    #expect(Set(decision.answers.keys) == Set(1...11))
    #expect(decision.specialFeatureOptIns == [1])
    #expect(decision.restrictedPurposes.isEmpty)
  }

  @Test("purposes 3 to 6 rest on no interest since TCF 2.2, and purpose 11 is not older")
  func policies() throws {
    #expect(try decision(core).answers[4] == .denied)
    var old = core
    old.policy = 3
    let decision = try decision(old)
    #expect(decision.answers[4] == .granted(.legitimateInterest))
    #expect(decision.answers[11] == .neverAsked)
  }

  @Test("purpose 1 rests on no interest, and may not have been asked for")
  func purposeOne() throws {
    var core = core
    core.consents = []
    core.interests = [1]
    #expect(try decision(core).answers[1] == .denied)
    core.isPurposeOneUndisclosed = true
    #expect(try decision(core).answers[1] == .neverAsked)
  }

  @Test("a vendor counts by its own bits; without one, the purposes' count")
  func vendors() throws {
    let eight = try decision(core, vendor: 8)
    #expect(eight.answers[1] == .denied)
    #expect(eight.answers[2] == .granted(.legitimateInterest))
    #expect(try decision(core, vendor: 9).answers[2] == .denied)
    #expect(try decision(core, vendor: nil).answers[1] == .granted(.consent))
  }

  @Test("a vendor that was not shown was never asked for")
  func disclosed() throws {
    var part = TCWriter()
    part.number(1, 3)
    part.bitField([7], max: 9)
    let string = try TCFString(decoding: "\(core.text).\(part.text)")
    #expect(try TCFDecision(string, vendor: 7).answers[2] == .granted(.consent))
    #expect(try TCFDecision(string, vendor: 8).answers[2] == .neverAsked)
  }

  @Test(
    "a publisher's restriction decides for the vendors it names",
    arguments: [
      (0, 7, TCFDecision.Answer.denied), (1, 7, .granted(.consent)),
      (2, 7, .granted(.legitimateInterest)), (0, 8, .granted(.legitimateInterest)),
    ])
  func restrictions(kind: Int, vendor: Int, expected: TCFDecision.Answer) throws {
    var core = core
    core.restrictions = [(2, kind, [(7, 7)])]
    let decision = try decision(core, vendor: vendor)
    #expect(decision.answers[2] == expected)
    #expect(decision.restrictedPurposes == (vendor == 7 ? [2] : []))
    #expect(try self.decision(core, vendor: nil).answers[2] == .granted(.consent))
  }

  @Test("a demand for consent leaves an interest without effect, and the other way round")
  func demands() throws {
    var core = core
    core.restrictions = [(7, 1, [(1, 9)]), (3, 2, [(1, 9)])]
    let decision = try decision(core)
    #expect(decision.answers[7] == .denied)
    #expect(decision.answers[3] == .denied)
    core.restrictions = [(2, 1, [(1, 9)]), (2, 2, [(1, 9)])]
    #expect(try self.decision(core).answers[2] == .denied)
  }

  @Test("a string of the global scope counts only where that is asked for")
  func globalScope() throws {
    var core = core
    core.isServiceSpecific = false
    let string = try TCFString(decoding: core.text)
    #expect(throws: TCFFault.notServiceSpecific) { try TCFDecision(string, vendor: 7) }
    let decision = try TCFDecision(string, vendor: 7, acceptingGlobalScope: true)
    #expect(decision.answers[1] == .granted(.consent))
  }

  @Test("scopes are granted where all their purposes are consented to")
  func scopes() throws {
    var core = core
    core.isPurposeOneUndisclosed = true
    let (granted, denied) = try decision(core).scopes([
      ("both", [2, 3], []), ("half", [2, 8], []), ("unasked", [1, 2], []), ("interest", [7], []),
      ("located", [2], [1]), ("scanned", [2], [2]), ("nothing", [], []),
    ])
    #expect(granted == ["both", "located"])
    #expect(denied == ["half", "scanned"])
  }
}
