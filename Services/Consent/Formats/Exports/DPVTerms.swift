/// The terms of the Data Privacy Vocabulary that receipts are put into.
enum DPVTerms {
  /// The prefixes of the terms.
  static let context: JSONValue = .object([
    "dct": .text("http://purl.org/dc/terms/"),
    "dpv": .text("https://w3id.org/dpv#"),
    "eu-gdpr": .text("https://w3id.org/dpv/legal/eu/gdpr#"),
    "loc": .text("https://w3id.org/dpv/loc#"),
    "pd": .text("https://w3id.org/dpv/pd#"),
    "rdf": .text("http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    "schema": .text("https://schema.org/"),
    "skos": .text("http://www.w3.org/2004/02/skos/core#"),
    "tacit": .text("urn:tacit:terms:"),
    "xsd": .text("http://www.w3.org/2001/XMLSchema#"),
  ])

  static let receiptSchema = "https://w3id.org/dpv/schema/dpv-27560#receipt"
  static let recordSchema = "https://w3id.org/dpv/schema/dpv-27560#record"

  /// The state that an answer is in once the receipt is recorded.
  static func status(
    _ kind: ReceiptDocument.Kind, _ decision: ReceiptDocument.Decision?
  ) -> String {
    switch kind {
    case .grant, .denial: decision == .denied ? "dpv:ConsentRefused" : "dpv:ConsentGiven"
    case .withdrawal, .objection, .erasure: "dpv:ConsentWithdrawn"
    // The consent stands, and yet nothing may rest on it for now.
    case .restriction: "dpv:ConsentStatusInvalidForProcessing"
    // What was said before counts again, and this receipt does not say what that was.
    case .restrictionLifted: "dpv:ConsentUnknown"
    // Says nothing of consent; exports leave it out.
    case .renaming: "dpv:ConsentUnknown"
    }
  }

  /// The right of the GDPR that the receipt records the exercise of.
  static func right(_ kind: ReceiptDocument.Kind) -> String {
    switch kind {
    case .grant, .denial, .withdrawal, .renaming: "eu-gdpr:A7-3"
    case .erasure: "eu-gdpr:A17"
    case .restriction, .restrictionLifted: "eu-gdpr:A18"
    case .objection: "eu-gdpr:A21"
    }
  }

  /// The legal bases of a purpose: DPV's own term, and the GDPR's article where that law holds.
  static func legalBases(
    _ basis: ReceiptDocument.LegalBasis?, jurisdiction: String
  ) -> [String] {
    // A consent receipt that does not name its ground speaks of consent.
    let (term, article) =
      switch basis ?? .consent {
      case .consent: ("dpv:Consent", "eu-gdpr:A6-1-a")
      case .contract: ("dpv:Contract", "eu-gdpr:A6-1-b")
      case .legalObligation: ("dpv:LegalObligation", "eu-gdpr:A6-1-c")
      case .vitalInterests: ("dpv:VitalInterest", "eu-gdpr:A6-1-d")
      case .publicTask: ("dpv:PublicInterest", "eu-gdpr:A6-1-e")
      case .legitimateInterests: ("dpv:LegitimateInterest", "eu-gdpr:A6-1-f")
      case .explicitConsent: ("dpv:ExplicitlyExpressedConsent", "eu-gdpr:A9-2-a")
      }
    return isUnderGDPR(jurisdiction) ? [term, article] : [term]
  }

  /// Who spoke, as a class of DPV.
  static func actor(_ kind: ReceiptDocument.Actor.Kind?) -> String {
    switch kind {
    case .guardian: "dpv:GuardianOfDataSubject"
    case .agent: "dpv:Representative"
    // Nobody else spoke: a browser says what its user has set, an import what was said elsewhere.
    default: "dpv:DataSubject"
    }
  }

  /// A place as DPV names it, or `nil` for a text that is no code of ISO 3166.
  static func location(_ code: String) -> String? {
    let parts = code.split(separator: "-", omittingEmptySubsequences: false)
    guard let country = parts.first, country.utf8.count == 2, parts.count <= 2,
      country.utf8.allSatisfy((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains),
      parts.dropFirst().allSatisfy({ part in
        (1...3).contains(part.utf8.count)
          && part.utf8.allSatisfy {
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
              || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          }
      })
    else { return nil }
    return "loc:" + code
  }

  /// Whether the GDPR holds: the European Union, and Iceland, Liechtenstein and Norway.
  static func isUnderGDPR(_ jurisdiction: String) -> Bool {
    countriesOfGDPR.contains(String(jurisdiction.prefix { $0 != "-" }))
  }

  private static let countriesOfGDPR: Set<String> = [
    "EU", "EEA", "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR",
    "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI",
    "SK",
  ]
}
