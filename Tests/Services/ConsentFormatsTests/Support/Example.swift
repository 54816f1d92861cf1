import ConsentFormats
import Foundation
import PrivacyCore
import TestSupport
import Testing

/// Receipts for tests.
enum Example {
  static let pid = PseudonymousID(bytes: [UInt8](repeating: 7, count: 32))
  static let seedLine =
    #"{"consent_id":"c_01HZX3V5Q8R9S2T4V6W8X0Y1Z2","user_id_hashed":"\#(pidText)","#
    + #""scopes":["product_recs","analytics"],"granted_at":"2026-01-10T12:34:56Z","#
    + #""expires_at":"2028-01-10T12:34:56Z","source":"web-portal:v2","version":2}"#
  static let pidText = "hmac:sha256:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"

  /// A grant in the seed's form.
  static func seed() throws -> ReceiptDocument {
    ReceiptDocument(
      consentID: try #require(ConsentID(text: "c_01HZX3V5Q8R9S2T4V6W8X0Y1Z2")),
      pid: try #require(pid), scopes: ["product_recs", "analytics"],
      grantedAt: try #require(Timestamp(rfc3339: "2026-01-10T12:34:56Z")),
      expiresAt: Timestamp(rfc3339: "2028-01-10T12:34:56Z"),
      source: "web-portal:v2", version: 2)
  }

  /// A grant that says everything there is to say.
  static func full() throws -> ReceiptDocument {
    var receipt = try seed()
    receipt.deniedScopes = ["ads"]
    receipt.notice = .init(id: "shop", language: "de", textHash: [UInt8](repeating: 1, count: 32))
    receipt.controller = "Muster AG"
    receipt.jurisdiction = "DE"
    receipt.piiCategories = ["purchases", "pd:Location", "health"]
    receipt.recipients = ["Beispiel Versand GmbH"]
    receipt.retention = "P2Y"
    receipt.withdrawalMethod = "https://shop.example/consent"
    receipt.purposes = [
      .init(name: "product_recs", decision: .granted, legalBasis: .consent, retention: "P1Y"),
      .init(
        name: "analytics", decision: .granted, legalBasis: .legitimateInterests,
        coveredBy: "product_recs"),
      .init(name: "ads", decision: .denied, legalBasis: .explicitConsent),
    ]
    receipt.actor = .init(
      kind: .guardian, name: "school",
      majorityAt: Timestamp(rfc3339: "2031-05-01T00:00:00Z"))
    receipt.evidenceHash = [UInt8](repeating: 2, count: 32)
    receipt.recordedAt = Timestamp(rfc3339: "2026-01-10T12:34:57.25Z")
    receipt.sequence = 41
    receipt.personSequence = 2
    receipt.previousHash = [UInt8](repeating: 3, count: 32)
    return receipt
  }

  static let profile = IssuerProfile(
    baseIRI: "https://shop.example/consent/", contact: "Data protection",
    email: "privacy@shop.example", phone: "+41 00 000 00 00", streetAddress: "Musterweg 1, Bern",
    country: "CH", url: "https://shop.example/", policyURL: "https://shop.example/privacy",
    rightsURL: "https://shop.example/rights", storageLocations: ["DE", "CH"], service: "Webshop",
    purposeTerms: ["analytics": "dpv:ServiceUsageAnalytics"], sensitiveCategories: ["health"])

  /// A receipt of any shape; what it says need not make sense.
  static func random(_ random: SeededRandom) throws -> ReceiptDocument {
    let dice = Dice(random: random)
    let kind = dice.pick(ReceiptDocument.Kind.allCases)
    var receipt = ReceiptDocument(
      consentID: ConsentID(at: dice.time(), random: random),
      pid: try #require(PseudonymousID(bytes: random.bytes(count: 32))), kind: kind,
      scopes: dice.texts(), grantedAt: dice.time(),
      expiresAt: kind == .grant || dice.coin() ? dice.time() : nil, source: dice.text(),
      version: UInt32(dice.number(1_000)))
    receipt.deniedScopes = dice.texts()
    if dice.coin() {
      receipt.notice = .init(id: dice.text() + "n", language: dice.text(), textHash: dice.hash())
    }
    receipt.controller = dice.text()
    receipt.jurisdiction = dice.text()
    receipt.piiCategories = dice.texts()
    receipt.recipients = dice.texts()
    receipt.retention = dice.text()
    receipt.withdrawalMethod = dice.text()
    receipt.purposes = (0..<dice.number(3)).map { _ in
      .init(
        name: dice.text() + "p", decision: dice.maybe(ReceiptDocument.Decision.allCases),
        legalBasis: dice.maybe(ReceiptDocument.LegalBasis.allCases), coveredBy: dice.text(),
        retention: dice.text())
    }
    if dice.coin() {
      receipt.actor = .init(
        kind: dice.maybe(ReceiptDocument.Actor.Kind.allCases), name: dice.text() + "a",
        majorityAt: dice.coin() ? dice.time() : nil)
    }
    receipt.evidenceHash = dice.hash()
    receipt.recordedAt = dice.coin() ? dice.time() : nil
    receipt.sequence = dice.coin() ? UInt64(dice.number(1_000_000)) : nil
    receipt.personSequence = dice.coin() ? UInt64(Int64.max) : nil
    receipt.previousHash = dice.hash()
    if kind == .renaming { receipt.formerPID = PseudonymousID(bytes: random.bytes(count: 32)) }
    return receipt
  }
}

/// Choices that a seed decides.
struct Dice {
  let random: SeededRandom

  func number(_ bound: Int) -> Int { Int(random.word() % UInt64(bound)) }
  func coin() -> Bool { number(2) == 0 }
  func pick<Value>(_ values: [Value]) -> Value { values[number(values.count)] }
  func maybe<Value>(_ values: [Value]) -> Value? { coin() ? pick(values) : nil }
  func time() -> Timestamp { Timestamp(microseconds: Int64(number(253_402_300_799)) * 1_000_000) }
  func hash() -> [UInt8] { coin() ? random.bytes(count: 32) : [] }

  /// With all that a format might trip over.
  func text() -> String {
    let pieces = [
      "a", "Z9", ",", "\"", ";", "\\", "\\e", "\n", "\r\n", "\t", " ", "é", "🙂", "\u{0}", "{", "[",
      "\u{FEFF}", "=1+1", "\r",
    ]
    return (0..<number(6)).map { _ in pick(pieces) }.joined()
  }

  func texts() -> [String] { (0..<number(4)).map { _ in text() } }
}

/// The file at a path below Tests/Vectors/consent-formats.
func vectorText(_ file: String) throws -> String {
  let folder = URL(filePath: #filePath).appending(path: "../../../../Vectors/consent-formats")
  return try String(contentsOf: folder.standardized.appending(path: file), encoding: .utf8)
}

/// The fault of whatever `body` refuses.
func fault<Value>(_ body: () throws -> Value) -> FormatFault.Reason? {
  do {
    _ = try body()
    return nil
  } catch let fault as FormatFault {
    return fault.reason
  } catch {
    Issue.record("another error: \(error)")
    return nil
  }
}
