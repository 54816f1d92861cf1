internal import ArgumentParser
internal import ConsentFormats
internal import Foundation
internal import PrivacyCore
internal import ServiceKit

/// `tcf`: strings of the IAB Transparency and Consent Framework.
struct TCFCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tcf",
    abstract: "Look into strings of the IAB Transparency and Consent Framework.",
    discussion: "Example: tacit-consent tcf decode CPXxRfAPXxRfA…",
    subcommands: [TCFDecodeCommand.self])
}

/// `tcf decode`: what a TC string says; asks no service.
struct TCFDecodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode",
    abstract: "Show what a TC string (IAB TCF 2.x) says.",
    discussion: """
      Core, disclosed and allowed vendors, publisher restrictions, publisher TC; and what it comes \
      to for each purpose: granted (on what ground), denied, never asked. With --vendor for that \
      vendor of the Global Vendor List, by restrictions and disclosure; else the person's answers as \
      such. Asks no service. The exit status is 1 where the string is malformed.

      Examples:
        tacit-consent tcf decode CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA
        tacit-consent tcf decode --vendor 755 --json "$(cat string.txt)"
      """)

  @Argument(help: "The string.") var string: String
  @Option(
    help: ArgumentHelp("What it comes to for this vendor.", valueName: "number")) var vendor: Int?
  @Flag(help: "Print JSON, for scripts.") var json = false

  func run() throws {
    let view: TCFView
    do throws(TCFFault) {
      view = try TCFView(TCFString(decoding: string), vendor: vendor)
    } catch { throw CommandFailure(error.description) }
    if json { try printJSON(view) } else { view.show() }
  }
}

/// A TC string as commands show it.
private struct TCFView: Encodable {
  struct PurposeView: Encodable {
    let purpose: Int
    let answer: String
    let basis: String?
    let restricted: Bool
  }

  struct RestrictionView: Encodable {
    let purpose: Int
    let kind: String
    let vendors: [String]
  }

  struct PublisherView: Encodable {
    let purposeConsents: [Int]
    let purposeInterests: [Int]
    let customPurposes: Int
    let customConsents: [Int]
    let customInterests: [Int]

    enum CodingKeys: String, CodingKey {
      case purposeConsents = "purpose_consents"
      case purposeInterests = "purpose_legitimate_interests"
      case customPurposes = "custom_purposes"
      case customConsents = "custom_purpose_consents"
      case customInterests = "custom_purpose_legitimate_interests"
    }
  }

  let created: String
  let updated: String
  let cmpID: Int
  let cmpVersion: Int
  let consentScreen: Int
  let language: String
  let vendorListVersion: Int
  let policyVersion: Int
  let isServiceSpecific: Bool
  let usesNonStandardTexts: Bool
  let publisherCountry: String
  let purposeOneUndisclosed: Bool
  let specialFeatureOptIns: [Int]
  let purposeConsents: [Int]
  let purposeInterests: [Int]
  let vendorConsents: [String]
  let vendorInterests: [String]
  let disclosedVendors: [String]?
  let allowedVendors: [String]?
  let restrictions: [RestrictionView]
  let publisher: PublisherView?
  let vendor: Int?
  let decision: [PurposeView]

  enum CodingKeys: String, CodingKey {
    case created, updated, language, restrictions, publisher, vendor, decision
    case cmpID = "cmp_id"
    case cmpVersion = "cmp_version"
    case consentScreen = "consent_screen"
    case vendorListVersion = "vendor_list_version"
    case policyVersion = "policy_version"
    case isServiceSpecific = "is_service_specific"
    case usesNonStandardTexts = "uses_non_standard_texts"
    case publisherCountry = "publisher_country"
    case purposeOneUndisclosed = "purpose_one_undisclosed"
    case specialFeatureOptIns = "special_feature_opt_ins"
    case purposeConsents = "purpose_consents"
    case purposeInterests = "purpose_legitimate_interests"
    case vendorConsents = "vendor_consents"
    case vendorInterests = "vendor_legitimate_interests"
    case disclosedVendors = "disclosed_vendors"
    case allowedVendors = "allowed_vendors"
  }

  init(_ string: TCFString, vendor: Int?) throws(TCFFault) {
    created = string.createdAt.description
    updated = string.updatedAt.description
    cmpID = string.cmpID
    cmpVersion = string.cmpVersion
    consentScreen = string.consentScreen
    language = string.language
    vendorListVersion = string.vendorListVersion
    policyVersion = string.policyVersion
    isServiceSpecific = string.isServiceSpecific
    usesNonStandardTexts = string.usesNonStandardTexts
    publisherCountry = string.publisherCountry
    purposeOneUndisclosed = string.isPurposeOneUndisclosed
    specialFeatureOptIns = string.specialFeatureOptIns.sorted()
    purposeConsents = string.purposeConsents.sorted()
    purposeInterests = string.purposeInterests.sorted()
    vendorConsents = Self.texts(string.vendorConsents)
    vendorInterests = Self.texts(string.vendorInterests)
    disclosedVendors = string.disclosedVendors.map(Self.texts)
    allowedVendors = string.allowedVendors.map(Self.texts)
    restrictions = string.restrictions.map {
      RestrictionView(
        purpose: $0.purpose, kind: Self.text($0.kind), vendors: Self.texts($0.vendors))
    }
    publisher = string.publisher.map {
      PublisherView(
        purposeConsents: $0.purposeConsents.sorted(),
        purposeInterests: $0.purposeInterests.sorted(), customPurposes: $0.customPurposeCount,
        customConsents: $0.customConsents.sorted(), customInterests: $0.customInterests.sorted())
    }
    self.vendor = vendor
    // What a string of the global scope says is shown all the same; no receipt comes of it.
    let decision = try TCFDecision(string, vendor: vendor, acceptingGlobalScope: true)
    self.decision = TCFDecision.purposes.map { purpose in
      let isRestricted = decision.restrictedPurposes.contains(purpose)
      return switch decision.answers[purpose] ?? .neverAsked {
      case .granted(let basis):
        PurposeView(
          purpose: purpose, answer: "granted",
          basis: basis == .consent ? "consent" : "legitimate interest", restricted: isRestricted)
      case .denied:
        PurposeView(purpose: purpose, answer: "denied", basis: nil, restricted: isRestricted)
      case .neverAsked:
        PurposeView(purpose: purpose, answer: "never asked", basis: nil, restricted: isRestricted)
      }
    }
  }

  private static func texts(_ vendors: TCFVendors) -> [String] {
    vendors.ranges.map {
      $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
    }
  }

  private static func text(_ kind: TCFString.Restriction.Kind) -> String {
    switch kind {
    case .notAllowed: "not allowed"
    case .requireConsent: "only by consent"
    case .requireLegitimateInterest: "only by legitimate interest"
    }
  }

  func show() {
    func list(_ words: [String]) -> String {
      words.isEmpty ? "none" : words.joined(separator: ", ")
    }
    func list(_ numbers: [Int]) -> String { list(numbers.map(String.init)) }
    var table = Table("field", "value")
    table.add("created", created)
    table.add("last written", updated)
    table.add("platform", "CMP \(cmpID), version \(cmpVersion), screen \(consentScreen)")
    table.add("language", language)
    table.add("vendor list", "version \(vendorListVersion)")
    table.add("policies", "version \(policyVersion)")
    table.add("for", isServiceSpecific ? "one service" : "all services (not valid any more)")
    table.add("texts", usesNonStandardTexts ? "not the standard's" : "the standard's")
    table.add("publisher's country", publisherCountry)
    if purposeOneUndisclosed { table.add("purpose 1", "was not disclosed") }
    table.add("special features", list(specialFeatureOptIns))
    table.add("vendors, consent", list(vendorConsents))
    table.add("vendors, interest", list(vendorInterests))
    if let disclosedVendors { table.add("vendors disclosed", list(disclosedVendors)) }
    if let allowedVendors { table.add("vendors allowed", list(allowedVendors)) }
    for restriction in restrictions {
      table.add(
        "restriction",
        "purpose \(restriction.purpose) \(restriction.kind): \(list(restriction.vendors))")
    }
    if let publisher {
      table.add("publisher, consent", list(publisher.purposeConsents))
      table.add("publisher, interest", list(publisher.purposeInterests))
      if publisher.customPurposes > 0 {
        table.add("own purposes, consent", list(publisher.customConsents))
        table.add("own purposes, interest", list(publisher.customInterests))
      }
    }
    table.show()
    print(vendor.map { "\nwhat it comes to for vendor \($0):" } ?? "\nwhat it comes to:")
    var purposes = Table("purpose", "answer", "ground", "restricted")
    for purpose in decision {
      purposes.add(
        "\(purpose.purpose)", purpose.answer, purpose.basis ?? "-",
        purpose.restricted ? "yes" : "-")
    }
    purposes.show()
  }
}
