internal import ConsentFormats
internal import ConsentService
internal import Foundation
internal import ServiceKit

/// The issuer file: a JSON object with what exports say of the controller.
struct IssuerFile: Decodable {
  var controller: String?
  var jurisdiction: String?
  var baseIRI: String?
  var contact: String?
  var email: String?
  var phone: String?
  var streetAddress: String?
  var country: String?
  var url: String?
  var policyURL: String?
  var rightsURL: String?
  var storageLocations: [String]?
  var service: String?
  var purposeTerms: [String: String]?
  var sensitiveCategories: [String]?

  enum CodingKeys: String, CodingKey, CaseIterable {
    case controller, jurisdiction, contact, email, phone, country, url, service
    case baseIRI = "base_iri"
    case streetAddress = "street_address"
    case policyURL = "policy_url"
    case rightsURL = "rights_url"
    case storageLocations = "storage_locations"
    case purposeTerms = "purpose_terms"
    case sensitiveCategories = "sensitive_categories"
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    let intValue: Int? = nil
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// Reads the file at `path`.
  ///
  /// - Throws: `CommandFailure` where it cannot be read, is not such an object, or has a member of
  ///   another name.
  init(path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("cannot read \(path)")
    }
    do { self = try JSONDecoder().decode(IssuerFile.self, from: data) } catch {
      throw CommandFailure("\(path) is no issuer file: \(Self.words(error))")
    }
  }

  init(from decoder: any Decoder) throws {
    let known = Set(CodingKeys.allCases.map(\.rawValue))
    for key in try decoder.container(keyedBy: AnyKey.self).allKeys
    where !known.contains(key.stringValue) {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: [], debugDescription: "the member \(key.stringValue) is not known"))
    }
    let values = try decoder.container(keyedBy: CodingKeys.self)
    func text(_ key: CodingKeys) throws -> String? {
      try values.decodeIfPresent(String.self, forKey: key)
    }
    controller = try text(.controller)
    jurisdiction = try text(.jurisdiction)
    baseIRI = try text(.baseIRI)
    contact = try text(.contact)
    email = try text(.email)
    phone = try text(.phone)
    streetAddress = try text(.streetAddress)
    country = try text(.country)
    url = try text(.url)
    policyURL = try text(.policyURL)
    rightsURL = try text(.rightsURL)
    storageLocations = try values.decodeIfPresent([String].self, forKey: .storageLocations)
    service = try text(.service)
    purposeTerms = try values.decodeIfPresent([String: String].self, forKey: .purposeTerms)
    sensitiveCategories = try values.decodeIfPresent([String].self, forKey: .sensitiveCategories)
  }

  private static func words(_ error: any Error) -> String {
    switch error {
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "\(context.codingPath.map(\.stringValue).joined(separator: ".")) has the wrong type"
    case DecodingError.dataCorrupted(let context) where context.codingPath.isEmpty:
      context.debugDescription
    default: "it is not JSON"
    }
  }

  /// Puts what the file says into the service's configuration.
  func apply(to configuration: inout ConsentConfiguration) {
    configuration.controller = controller ?? ""
    configuration.jurisdiction = jurisdiction ?? ""
    configuration.issuer = IssuerProfile(
      baseIRI: baseIRI ?? IssuerProfile().baseIRI, contact: contact ?? "", email: email ?? "",
      phone: phone ?? "", streetAddress: streetAddress ?? "", country: country ?? "",
      url: url ?? "", policyURL: policyURL ?? "", rightsURL: rightsURL ?? "",
      storageLocations: storageLocations ?? [], service: service ?? "",
      purposeTerms: purposeTerms ?? [:], sensitiveCategories: Set(sensitiveCategories ?? []))
  }
}
