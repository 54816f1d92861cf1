import ConsentAPI
import PrivacyCore
import TestSupport
import ConsentService

/// People, receipts and drafts for the tests of the consent service.
enum Example {
  static let now = Timestamp(seconds: 1_768_048_496)
  static let year: Int64 = 31_536_000_000_000

  static func pid(_ number: UInt64) -> PseudonymousID {
    let bytes = SeededRandom(seed: number).bytes(count: 32)
    guard let pid = PseudonymousID(bytes: bytes) else { preconditionFailure("32 bytes") }
    return pid
  }

  static func id(_ number: UInt64) -> ConsentID {
    ConsentID(at: now, random: SeededRandom(seed: number))
  }

  static func draft(
    _ person: UInt64 = 1, id: UInt64? = nil, kind: ReceiptDraft.Kind = .grant,
    scopes: [String] = ["product_recs"], from: Timestamp? = now
  ) -> ReceiptDraft {
    ReceiptDraft(
      consentID: id.map { Example.id($0) }, pid: pid(person), kind: kind, scopes: scopes,
      grantedAt: from,
      expiresAt: kind == .grant ? now.advanced(byMicroseconds: year) : nil,
      source: "web-portal:v2", version: 2)
  }

  static func receipt(
    _ sequence: UInt64, kind: ReceiptKind = .grant, scopes: [String] = ["product_recs"],
    fromDay: Int64 = 0, recordedDay: Int64? = nil, days: Int64 = 365
  ) -> Receipt {
    let day: Int64 = 86_400_000_000
    let from = now.microseconds + fromDay * day
    return Receipt(
      consentID: id(sequence).description, pid: pid(1).bytes, scopes: scopes, grantedAtUs: from,
      expiresAtUs: kind == .grant ? from + days * day : 0, source: "web-portal:v2", version: 2,
      kind: kind, recordedAtUs: now.microseconds + (recordedDay ?? fromDay) * day,
      sequence: sequence)
  }

  static func grantRequest(
    _ person: UInt64 = 1, scopes: [String] = ["product_recs"], from: Timestamp? = nil,
    until: Timestamp? = nil, id: String = ""
  ) -> GrantRequest {
    GrantRequest(
      pid: pid(person).bytes, scopes: scopes, grantedAtUs: from?.microseconds ?? 0,
      expiresAtUs: (until ?? SystemTime().now.advanced(byMicroseconds: year)).microseconds,
      source: "web-portal:v2", version: 2, consentID: id)
  }

  static func line(_ number: UInt64, person: UInt64? = nil, scopes: String = "\"product_recs\"")
    -> String
  {
    """
    {"consent_id":"\(id(number))","user_id_hashed":"\(pid(person ?? number).seedForm)",\
    "scopes":[\(scopes)],"granted_at":"2026-01-10T12:34:56Z",\
    "expires_at":"2028-01-10T12:34:56Z","source":"web-portal:v2","version":2}
    """
  }
}
