/// What a TC string comes to, purpose by purpose: granted, denied or never asked.
package struct TCFDecision: Hashable, Sendable {
  /// The purposes of the framework's policies; the eleventh came with TCF 2.2.
  package static let purposes = 1...11
  /// The special features of the framework's policies.
  package static let specialFeatures = 1...2
  /// TCF 2.2: purposes 3 to 6 rest on consent alone, and purpose 11 exists.
  private static let policyVersionOfTCF22 = 4

  /// What was said.
  package enum Answer: Hashable, Sendable {
    /// Allowed, on this ground.
    case granted(Basis)
    /// Refused, objected to, or forbidden by the publisher.
    case denied
    /// Not put to the person.
    case neverAsked
  }

  /// On what ground.
  package enum Basis: Hashable, Sendable { case consent, legitimateInterest }

  /// The answer to each of `purposes`.
  package let answers: [Int: Answer]
  /// The special features opted in to; the others were not.
  package let specialFeatureOptIns: Set<Int>
  /// The purposes for which a restriction of the publisher decided.
  package let restrictedPurposes: Set<Int>

  /// The decision for `vendor` of the Global Vendor List, or, without one, the person's answers as
  /// such: restrictions name vendors and so say nothing of them.
  ///
  /// - Throws: `notServiceSpecific` for a string of the global scope, which counts as invalid,
  ///   unless `acceptingGlobalScope`.
  package init(
    _ string: TCFString, vendor: Int? = nil, acceptingGlobalScope: Bool = false
  ) throws(TCFFault) {
    guard string.isServiceSpecific || acceptingGlobalScope else { throw .notServiceSpecific }
    var answers: [Int: Answer] = [:]
    var restricted: Set<Int> = []
    for purpose in Self.purposes {
      let (answer, isRestricted) = Self.answer(purpose, vendor, string)
      answers[purpose] = answer
      if isRestricted { restricted.insert(purpose) }
    }
    self.answers = answers
    restrictedPurposes = restricted
    specialFeatureOptIns = string.specialFeatureOptIns.filter(Self.specialFeatures.contains)
  }

  private static func answer(
    _ purpose: Int, _ vendor: Int?, _ string: TCFString
  ) -> (Answer, isRestricted: Bool) {
    let isTCF22 = string.policyVersion >= policyVersionOfTCF22
    if purpose == 1, string.isPurposeOneUndisclosed { return (.neverAsked, false) }
    if purpose == 11, !isTCF22 { return (.neverAsked, false) }
    if let vendor, let disclosed = string.disclosedVendors, !disclosed.contains(vendor) {
      return (.neverAsked, false)
    }
    let isConsented =
      string.purposeConsents.contains(purpose)
      && (vendor.map(string.vendorConsents.contains) ?? true)
    // Purpose 1 never rests on an interest; 3 to 6 have not since TCF 2.2.
    let mayRestOnInterest = purpose != 1 && !(isTCF22 && (3...6).contains(purpose))
    let isInterest =
      mayRestOnInterest && string.purposeInterests.contains(purpose)
      && (vendor.map(string.vendorInterests.contains) ?? true)
    let kinds = Set(
      string.restrictions.lazy
        .filter { restriction in
          restriction.purpose == purpose && (vendor.map(restriction.vendors.contains) ?? false)
        }
        .map(\.kind))
    // Several restrictions of one vendor and purpose contradict each other: all of them hold.
    let consent = isConsented && kinds.isDisjoint(with: [.notAllowed, .requireLegitimateInterest])
    let interest = isInterest && kinds.isDisjoint(with: [.notAllowed, .requireConsent])
    let answer: Answer =
      consent ? .granted(.consent) : interest ? .granted(.legitimateInterest) : .denied
    return (answer, !kinds.isEmpty)
  }

  /// The scopes that this grants and refuses, by the purposes and special features each stands
  /// for: granted where all of them are, refused where one is refused, and in neither list where
  /// one was never asked. Only consent grants: an interest is no act of the person.
  package func scopes(
    _ meanings: [(scope: String, purposes: Set<Int>, specialFeatures: Set<Int>)]
  ) -> (granted: [String], denied: [String]) {
    var granted: [String] = []
    var denied: [String] = []
    for meaning in meanings {
      let said = meaning.purposes.map { answers[$0] ?? .neverAsked }
      let isOptedIn = meaning.specialFeatures.isSubset(of: specialFeatureOptIns)
      if said.contains(.denied) || !isOptedIn {
        denied.append(meaning.scope)
      } else if !said.isEmpty || !meaning.specialFeatures.isEmpty,
        said.allSatisfy({ $0 == .granted(.consent) })
      {
        granted.append(meaning.scope)
      }
    }
    return (granted, denied)
  }
}
