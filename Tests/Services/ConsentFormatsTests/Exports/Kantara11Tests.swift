import ConsentFormats
import Foundation
import Testing

@Suite("Kantara consent receipt 1.1")
struct Kantara11Tests {
  private struct Field {
    let name: String
    let type: String
    let isRequired: Bool
  }

  private func fields(of object: String) throws -> [Field] {
    try vectorText("kantara-1.1-fields.txt").split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ").map(String.init)
      guard words.count == 4, words[0] == object else { return nil }
      return Field(name: words[1], type: words[2], isRequired: words[3] == "required")
    }
  }

  private func type(of value: Any) -> String {
    switch value {
    case is [Any]: "list"
    case is [String: Any]: "object"
    case is String: "text"
    case let number as NSNumber:
      CFBooleanCheck.isTruth(number) ? "truth" : "integer"
    default: "another"
    }
  }

  /// Required fields present, all of the type that is due, and none besides.
  private func check(_ value: [String: Any], as object: String) throws {
    let fields = try fields(of: object)
    #expect(!fields.isEmpty)
    for field in fields {
      if let found = value[field.name] {
        #expect(type(of: found) == field.type, "\(object) \(field.name)")
      } else {
        #expect(!field.isRequired, "\(object) \(field.name) is missing")
      }
    }
    #expect(Set(value.keys).subtracting(fields.map(\.name)).isEmpty)
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("a grant has every required field, of its type, and no other")
  func shape() throws {
    let receipt = try object(Example.full().kantara11(Example.profile))
    try check(receipt, as: "receipt")
    #expect(receipt["version"] as? String == "KI-CR-v1.1.0")
    #expect(receipt["consentTimestamp"] as? Int == 1_768_048_496)
    #expect(receipt["sensitive"] as? Bool == true)
    #expect(receipt["spiCat"] as? [String] == ["health"])
    let controllers = try #require(receipt["piiControllers"] as? [[String: Any]])
    for controller in controllers { try check(controller, as: "controller") }
    let services = try #require(receipt["services"] as? [[String: Any]])
    for service in services {
      try check(service, as: "service")
      let purposes = try #require(service["purposes"] as? [[String: Any]])
      // What was refused is no part of a Kantara receipt.
      #expect(purposes.map { $0["purpose"] as? String } == ["product_recs", "analytics"])
      #expect(purposes.map { $0["termination"] as? String } == ["kept for P1Y", "kept for P2Y"])
      for purpose in purposes { try check(purpose, as: "purpose") }
    }
  }

  @Test("what is missing is told")
  func gaps() throws {
    #expect(
      throws: ExportFault.missing(["jurisdiction", "piiController", "piiCategory"])
    ) { try Example.seed().kantara11(Example.profile) }
    #expect(
      try Example.full().gapsKantara11(IssuerProfile())
        == ["contact", "address", "email", "phone", "policyUrl", "service"])
    let text = try Example.seed().kantara11(Example.profile, allowsGaps: true)
    #expect(try object(text)["jurisdiction"] as? String == "")
  }

  @Test(
    "only a grant can be said",
    arguments: ReceiptDocument.Kind.allCases.filter { $0 != .grant })
  func kinds(kind: ReceiptDocument.Kind) throws {
    var receipt = try Example.full()
    receipt.kind = kind
    #expect(throws: ExportFault.unsayable(kind)) {
      try receipt.kantara11(Example.profile, allowsGaps: true)
    }
  }
}

/// JSONSerialization gives numbers and truth values in one type; their texts tell them apart.
private enum CFBooleanCheck {
  static func isTruth(_ number: NSNumber) -> Bool {
    String(cString: number.objCType) == "c" || String(cString: number.objCType) == "B"
  }
}
