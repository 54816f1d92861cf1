import ConsentFormats
import Foundation
import PrivacyCore
import Testing

@Suite("ISO/IEC TS 27560 in JSON-LD")
struct JSONLD27560Tests {
  /// Receipts of several kinds, by the name of their file among the vectors.
  private static func receipts() throws -> [(String, ReceiptDocument)] {
    let grant = try Example.full()
    var withdrawal = grant
    withdrawal.kind = .withdrawal
    withdrawal.scopes = ["analytics"]
    withdrawal.deniedScopes = []
    withdrawal.purposes = []
    withdrawal.expiresAt = nil
    withdrawal.actor = .init(kind: .browserSignal, name: "Sec-GPC")
    var denial = grant
    denial.kind = .denial
    denial.scopes = []
    denial.expiresAt = nil
    denial.jurisdiction = "US-CA"
    denial.actor = nil
    return [
      ("receipt-grant.jsonld", grant), ("receipt-withdrawal.jsonld", withdrawal),
      ("receipt-denial.jsonld", denial),
    ]
  }

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("what is written is what the shapes were checked on")
  func vectors() throws {
    for (file, receipt) in try Self.receipts() {
      #expect(try receipt.jsonLD27560(Example.profile) + "\n" == vectorText(file), "\(file)")
    }
  }

  @Test("each scope is a process with its own state")
  func states() throws {
    let receipt = try object(Example.full().jsonLD27560(Example.profile))
    #expect(receipt["@type"] as? String == "dpv:ConsentReceipt")
    let record = try #require(receipt["dpv:hasRecordOfActivity"] as? [String: Any])
    let processes = try #require(record["dpv:hasProcess"] as? [[String: Any]])
    let states = processes.map {
      ($0["dpv:hasConsentStatus"] as? [String: Any])?["@type"] as? String
    }
    #expect(states == ["dpv:ConsentGiven", "dpv:ConsentGiven", "dpv:ConsentRefused"])
    let labels = processes.map {
      ($0["dpv:hasPurpose"] as? [String: Any])?["skos:prefLabel"] as? String
    }
    #expect(labels == ["product_recs", "analytics", "ads"])
    let ends = processes.map { process in
      let status = process["dpv:hasConsentStatus"] as? [String: Any]
      return (status?["dpv:hasDuration"] as? [String: Any])?["@type"] as? String
    }
    #expect(
      ends == ["dpv:UntilTimeDuration", "dpv:UntilTimeDuration", "dpv:EndlessDuration"])
  }

  @Test(
    "each kind has its state",
    arguments: [
      (ReceiptDocument.Kind.grant, "dpv:ConsentGiven"), (.withdrawal, "dpv:ConsentWithdrawn"),
      (.objection, "dpv:ConsentWithdrawn"),
      (.restriction, "dpv:ConsentStatusInvalidForProcessing"),
      (.restrictionLifted, "dpv:ConsentUnknown"),
    ])
  func kinds(kind: ReceiptDocument.Kind, state: String) throws {
    var receipt = try Example.full()
    receipt.kind = kind
    receipt.deniedScopes = []
    receipt.purposes = []
    let text = try receipt.jsonLD27560(Example.profile)
    #expect(text.contains(#""dpv:hasConsentStatus":{"@type":"\#(state)""#))
  }

  @Test("an erasure speaks of no scope: its state is the record's")
  func erasure() throws {
    var receipt = try Example.full()
    receipt.kind = .erasure
    receipt.scopes = []
    receipt.deniedScopes = []
    #expect(receipt.gaps27560(Example.profile) == ["purposes"])
    let text = try receipt.jsonLD27560(Example.profile, allowsGaps: true)
    let record = try #require(
      try object(text)["dpv:hasRecordOfActivity"] as? [String: Any])
    #expect(
      (record["dpv:hasConsentStatus"] as? [String: Any])?["@type"] as? String
        == "dpv:ConsentWithdrawn")
  }

  @Test("what is missing is told, and such a text does not claim to conform")
  func gaps() throws {
    let seed = try Example.seed()
    let missing = [
      "privacy_notice", "language", "pii_type", "pii_controllers", "retention_period",
      "jurisdiction", "withdrawal_method",
    ]
    #expect(throws: ExportFault.missing(missing)) { try seed.jsonLD27560(Example.profile) }
    let text = try seed.jsonLD27560(Example.profile, allowsGaps: true)
    #expect(!text.contains("conformsTo"))
    #expect(try Example.full().jsonLD27560(Example.profile).contains("conformsTo"))
    #expect(
      try Example.full().gaps27560(IssuerProfile())
        == ["storage_locations", "privacy_rights", "party_address", "party_contact"])
  }

  @Test("a name with anything in it makes an IRI without spaces or quotes")
  func names() throws {
    var receipt = try Example.full()
    receipt.controller = "A \"B\" <c> ü"
    let text = try receipt.jsonLD27560(Example.profile)
    #expect(text.contains("https://shop.example/consent/controller:A%20%22B%22%20%3cc%3e%20%c3%bc"))
    #expect(try object(text)["@id"] != nil)
  }

  @Test("the GDPR's terms stand only where that law holds")
  func jurisdictions() throws {
    var receipt = try Example.full()
    #expect(try receipt.jsonLD27560(Example.profile).contains("eu-gdpr:A6-1-a"))
    receipt.jurisdiction = "US-CA"
    let california = try receipt.jsonLD27560(Example.profile)
    #expect(!california.contains("eu-gdpr:A") && california.contains(#"{"@id":"loc:US-CA"}"#))
    receipt.jurisdiction = "the moon"
    #expect(
      try receipt.jsonLD27560(Example.profile)
        .contains(#"{"@type":"dpv:Jurisdiction","skos:prefLabel":"the moon"}"#))
  }
}
