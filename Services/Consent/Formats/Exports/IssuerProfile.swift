/// What the export formats ask for and a receipt does not hold: who the controller is to reach,
/// where data lies, where rights are exercised. One per controller, from the configuration.
package struct IssuerProfile: Hashable, Sendable {
  /// What the ids of receipts, notices and parties are put behind to make IRIs of them.
  package var baseIRI: String
  /// The department or function to write to; never a private person.
  package var contact: String
  /// Its e-mail address.
  package var email: String
  /// Its telephone number.
  package var phone: String
  /// Its postal address, in one line.
  package var streetAddress: String
  /// The address's country: two letters of ISO 3166-1.
  package var country: String
  /// The controller's own page.
  package var url: String
  /// The privacy policy.
  package var policyURL: String
  /// Where people exercise their rights.
  package var rightsURL: String
  /// The countries where data is stored: codes of ISO 3166, "DE", "US-CA".
  package var storageLocations: [String]
  /// What people use: "Webshop".
  package var service: String
  /// The terms of DPV's taxonomy of purposes, by scope: "analytics" is
  /// "dpv:ServiceUsageAnalytics".
  package var purposeTerms: [String: String]
  /// Those of the PII categories that are sensitive.
  package var sensitiveCategories: Set<String>

  /// A profile; what is left out is missing in strict exports.
  package init(
    baseIRI: String = "urn:tacit:", contact: String = "", email: String = "", phone: String = "",
    streetAddress: String = "", country: String = "", url: String = "", policyURL: String = "",
    rightsURL: String = "", storageLocations: [String] = [], service: String = "",
    purposeTerms: [String: String] = [:], sensitiveCategories: Set<String> = []
  ) {
    self.baseIRI = baseIRI
    self.contact = contact
    self.email = email
    self.phone = phone
    self.streetAddress = streetAddress
    self.country = country
    self.url = url
    self.policyURL = policyURL
    self.rightsURL = rightsURL
    self.storageLocations = storageLocations
    self.service = service
    self.purposeTerms = purposeTerms
    self.sensitiveCategories = sensitiveCategories
  }
}

/// Why a receipt cannot be written in a format.
package enum ExportFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// The format demands what neither the receipt nor the profile says.
  case missing([String])
  /// The format has no way to say what receipts of this kind say.
  case unsayable(ReceiptDocument.Kind)

  package var description: String {
    switch self {
    case .missing(let fields): "the format demands: " + fields.joined(separator: ", ")
    case .unsayable(let kind): "the format cannot say a receipt of kind \(kind.rawValue)"
    }
  }
}
