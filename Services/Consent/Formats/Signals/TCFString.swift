package import PrivacyCore

/// A consent string of the IAB Europe Transparency and Consent Framework, version 2.x: what a
/// consent dialogue has written down for the advertising trade.
///
/// Read as IAB Tech Lab's "Consent string and vendor list formats v2" says, strictly: unknown
/// segments, cut fields and bits behind the last field are refused.
package struct TCFString: Hashable, Sendable {
  /// The most characters; 4,095 ranges of vendors need 22,600.
  package static let byteCountMax = 32_768
  /// The kinds of segments.
  package static let segmentCountMax = 4

  /// What a publisher forbids or demands of vendors for a purpose.
  package struct Restriction: Hashable, Sendable {
    /// What.
    package enum Kind: Int, Hashable, Sendable {
      /// The purpose is not allowed, whatever was said.
      case notAllowed = 0
      /// Only consent counts.
      case requireConsent = 1
      /// Only legitimate interest counts.
      case requireLegitimateInterest = 2
    }

    /// The purpose, 1...24.
    package let purpose: Int
    /// What.
    package let kind: Kind
    /// Of whom.
    package let vendors: TCFVendors
  }

  /// What was said to the publisher itself.
  package struct Publisher: Hashable, Sendable {
    /// The purposes consented to.
    package let purposeConsents: Set<Int>
    /// The purposes with a legitimate interest nobody has objected to.
    package let purposeInterests: Set<Int>
    /// How many purposes of its own the publisher has.
    package let customPurposeCount: Int
    /// Those of them consented to.
    package let customConsents: Set<Int>
    /// Those of them with a legitimate interest nobody has objected to.
    package let customInterests: Set<Int>
  }

  /// When it was first written; to a tenth of a second.
  package let createdAt: Timestamp
  /// When it was last written.
  package let updatedAt: Timestamp
  /// The consent management platform that wrote it.
  package let cmpID: Int
  /// Which version of it.
  package let cmpVersion: Int
  /// On which of its screens consent was given.
  package let consentScreen: Int
  /// The language of the dialogue: two letters of ISO 639-1, upper case.
  package let language: String
  /// The version of the Global Vendor List.
  package let vendorListVersion: Int
  /// The version of the policies; 4 came with TCF 2.2, 5 with 2.3.
  package let policyVersion: Int
  /// Whether it is for one service alone; all of them must be, nowadays.
  package let isServiceSpecific: Bool
  /// Whether other texts than the standard's were shown.
  package let usesNonStandardTexts: Bool
  /// The special features opted in to, 1...12.
  package let specialFeatureOptIns: Set<Int>
  /// The purposes consented to, 1...24.
  package let purposeConsents: Set<Int>
  /// The purposes with a legitimate interest nobody has objected to, 1...24.
  package let purposeInterests: Set<Int>
  /// Whether purpose 1 was not disclosed at all.
  package let isPurposeOneUndisclosed: Bool
  /// The country whose law the publisher goes by: two letters of ISO 3166-1.
  package let publisherCountry: String
  /// The vendors consented to.
  package let vendorConsents: TCFVendors
  /// The vendors with a legitimate interest nobody has objected to.
  package let vendorInterests: TCFVendors
  /// What the publisher restricts, in the string's order.
  package let restrictions: [Restriction]
  /// The vendors that were shown; `nil` without that segment.
  package let disclosedVendors: TCFVendors?
  /// The vendors allowed to use signals from elsewhere; `nil` without that segment.
  package let allowedVendors: TCFVendors?
  /// What was said to the publisher itself; `nil` without that segment.
  package let publisher: Publisher?

  /// Decodes `text`. Linear in its length, apart from sorting the ranges.
  package init(decoding text: String) throws(TCFFault) {
    guard !text.isEmpty else { throw .empty }
    guard text.utf8.count <= Self.byteCountMax else {
      throw .tooLong(byteCountMax: Self.byteCountMax)
    }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= Self.segmentCountMax else {
      throw .tooManySegments(countMax: Self.segmentCountMax)
    }
    var bits = try TCFBits(parts[0].utf8, number: 1, segment: .core)
    let version = try bits.number(6)
    guard version == 2 else { throw .unsupportedVersion(version) }
    createdAt = try Self.time(&bits)
    updatedAt = try Self.time(&bits)
    cmpID = try bits.number(12)
    cmpVersion = try bits.number(12)
    consentScreen = try bits.number(6)
    language = try bits.letters("the language")
    vendorListVersion = try bits.number(12)
    policyVersion = try bits.number(6)
    isServiceSpecific = try bits.flag()
    usesNonStandardTexts = try bits.flag()
    specialFeatureOptIns = try bits.set(12)
    purposeConsents = try bits.set(24)
    purposeInterests = try bits.set(24)
    isPurposeOneUndisclosed = try bits.flag()
    publisherCountry = try bits.letters("the publisher's country")
    vendorConsents = try bits.vendors()
    vendorInterests = try bits.vendors()
    restrictions = try Self.restrictions(&bits)
    try bits.expectEnd()
    let others = try OtherSegments(parts.dropFirst())
    disclosedVendors = others.disclosedVendors
    allowedVendors = others.allowedVendors
    publisher = others.publisher
  }

  private static func time(_ bits: inout TCFBits) throws(TCFFault) -> Timestamp {
    Timestamp(microseconds: Int64(try bits.number(36)) * 100_000)
  }

  private static func restrictions(_ bits: inout TCFBits) throws(TCFFault) -> [Restriction] {
    let count = try bits.number(12)
    var restrictions: [Restriction] = []
    for _ in 0..<count {
      let purpose = try bits.number(6)
      guard (1...24).contains(purpose) else { throw .malformedRestriction(purpose: purpose) }
      guard let kind = Restriction.Kind(rawValue: try bits.number(2)) else {
        throw .undefinedRestriction(purpose: purpose)
      }
      restrictions.append(
        Restriction(purpose: purpose, kind: kind, vendors: try bits.ranges(upTo: nil)))
    }
    return restrictions
  }
}

/// The segments behind the core, in any order.
private struct OtherSegments {
  var disclosedVendors: TCFVendors?
  var allowedVendors: TCFVendors?
  var publisher: TCFString.Publisher?

  init(_ parts: ArraySlice<Substring>) throws(TCFFault) {
    for (index, part) in parts.enumerated() {
      var bits = try TCFBits(part.utf8, number: index + 2, segment: .core)
      switch try bits.number(3) {
      case 0: throw .repeatedSegment(.core)
      case 1:
        bits.segment = .disclosedVendors
        guard disclosedVendors == nil else { throw .repeatedSegment(.disclosedVendors) }
        disclosedVendors = try bits.vendors()
      case 2:
        bits.segment = .allowedVendors
        guard allowedVendors == nil else { throw .repeatedSegment(.allowedVendors) }
        allowedVendors = try bits.vendors()
      case 3:
        bits.segment = .publisher
        guard publisher == nil else { throw .repeatedSegment(.publisher) }
        publisher = try Self.publisher(&bits)
      case let type: throw .unknownSegment(type: type, segment: index + 2)
      }
      try bits.expectEnd()
    }
  }

  private static func publisher(
    _ bits: inout TCFBits
  ) throws(TCFFault) -> TCFString.Publisher {
    let consents = try bits.set(24)
    let interests = try bits.set(24)
    let count = try bits.number(6)
    return TCFString.Publisher(
      purposeConsents: consents, purposeInterests: interests, customPurposeCount: count,
      customConsents: try bits.set(count), customInterests: try bits.set(count))
  }
}
