internal import ConsentAPI
internal import Foundation
internal import PrivacyCore
internal import ServiceKit

/// A receipt as commands show it.
struct ReceiptView: Encodable {
  let consentID: String
  let userIDHashed: String
  let kind: String
  let scopes: [String]
  let grantedAt: String
  let expiresAt: String?
  let source: String
  let version: UInt32
  let recordedAt: String
  let sequence: UInt64
  let previousHash: String?
  let deniedScopes: [String]?
  let personSequence: UInt64?
  let formerUserIDHashed: String?
  let details: DetailsView?

  enum CodingKeys: String, CodingKey {
    case consentID = "consent_id"
    case userIDHashed = "user_id_hashed"
    case kind, scopes
    case grantedAt = "granted_at"
    case expiresAt = "expires_at"
    case source, version
    case recordedAt = "recorded_at"
    case sequence
    case previousHash = "previous_hash"
    case deniedScopes = "denied_scopes"
    case personSequence = "person_sequence"
    case formerUserIDHashed = "former_user_id_hashed"
    case details
  }

  init(_ receipt: Receipt) {
    consentID = receipt.consentID
    userIDHashed = "hmac:sha256:" + Base64URL.encode(receipt.pid)
    kind = Self.name(receipt.kind)
    scopes = receipt.scopes
    grantedAt = Timestamp(microseconds: receipt.grantedAtUs).description
    expiresAt =
      receipt.kind == .grant ? Timestamp(microseconds: receipt.expiresAtUs).description : nil
    source = receipt.source
    version = receipt.version
    recordedAt = Timestamp(microseconds: receipt.recordedAtUs).description
    sequence = receipt.sequence
    previousHash = receipt.previousHash.isEmpty ? nil : Hexadecimal.encode(receipt.previousHash)
    deniedScopes = receipt.deniedScopes.isEmpty ? nil : receipt.deniedScopes
    personSequence = receipt.personSequence == 0 ? nil : receipt.personSequence
    formerUserIDHashed =
      receipt.formerPid.isEmpty ? nil : "hmac:sha256:" + Base64URL.encode(receipt.formerPid)
    details = receipt.details.map(DetailsView.init)
  }

  static func name(_ kind: ReceiptKind) -> String {
    switch kind {
    case .grant: "grant"
    case .withdrawal: "withdrawal"
    case .erasure: "erasure"
    case .denial: "denial"
    case .restriction: "restriction"
    case .restrictionLifted: "restriction-lifted"
    case .objection: "objection"
    case .renaming: "renaming"
    case .unspecified, .unrecognized: "unknown"
    }
  }

  /// All of it, a line for each field.
  func show() {
    var table = Table("field", "value")
    table.add("consent id", consentID)
    table.add("person", userIDHashed)
    table.add("kind", kind)
    if let formerUserIDHashed { table.add("renamed from", formerUserIDHashed) }
    table.add("scopes", kind == "erasure" ? "all, for ever" : scopes.joined(separator: ", "))
    if let deniedScopes { table.add("refused", deniedScopes.joined(separator: ", ")) }
    table.add("from", grantedAt)
    table.add("until", expiresAt ?? "-")
    table.add("source", source)
    table.add("notice version", version == 0 ? "-" : "\(version)")
    table.add("recorded", recordedAt)
    table.add("position", "\(sequence)")
    details?.add(to: &table)
    table.show()
  }

  /// What it speaks of, in a cell.
  var subject: String {
    if let formerUserIDHashed { return "from " + formerUserIDHashed }
    return (scopes + (deniedScopes ?? []).map { "not " + $0 }).joined(separator: ",")
  }

  /// Receipts below each other.
  static func show(_ receipts: [ReceiptView]) {
    var table = Table("position", "kind", "scopes", "from", "until", "source", "consent id")
    for receipt in receipts {
      table.add(
        "\(receipt.sequence)", receipt.kind,
        receipt.subject,
        receipt.grantedAt, receipt.expiresAt ?? "-", receipt.source, receipt.consentID)
    }
    table.show()
  }
}

/// What became of the gates, as commands show it.
struct GateOutcomeView: Encodable {
  let gate: String
  let confirmed: Bool
  let afterMs: Double

  enum CodingKeys: String, CodingKey {
    case gate, confirmed
    case afterMs = "after_ms"
  }

  init(_ outcome: GateOutcome) {
    gate = outcome.gate
    confirmed = outcome.confirmed
    afterMs = Double(outcome.afterUs) / 1_000
  }

  static func show(_ outcomes: [GateOutcomeView]) {
    guard !outcomes.isEmpty else { return print("no gate was attending") }
    var table = Table("gate", "outcome", "after ms")
    for outcome in outcomes {
      table.add(
        outcome.gate, outcome.confirmed ? "confirmed" : "lease ran out",
        String(format: "%.1f", outcome.afterMs))
    }
    table.show()
  }
}
