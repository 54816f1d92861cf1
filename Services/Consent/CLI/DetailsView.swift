internal import ConsentAPI
internal import PrivacyCore
internal import ServiceKit

/// What a receipt says besides, as commands show it.
struct DetailsView: Encodable {
  struct PurposeView: Encodable {
    let purpose: String
    let decision: String
    let legalBasis: String?
    let coveredBy: String?
    let retention: String?

    enum CodingKeys: String, CodingKey {
      case purpose, decision, retention
      case legalBasis = "legal_basis"
      case coveredBy = "covered_by"
    }
  }

  struct ActorView: Encodable {
    let kind: String
    let name: String?
    let majorityAt: String?

    enum CodingKeys: String, CodingKey {
      case kind, name
      case majorityAt = "majority_at"
    }
  }

  let notice: String?
  let language: String?
  let textHash: String?
  let controller: String?
  let purposes: [PurposeView]?
  let jurisdiction: String?
  let piiCategories: [String]?
  let recipients: [String]?
  let retention: String?
  let withdrawalMethod: String?
  let actor: ActorView?
  let evidenceHash: String?

  enum CodingKeys: String, CodingKey {
    case notice, language, controller, purposes, jurisdiction, recipients, retention, actor
    case textHash = "text_hash"
    case piiCategories = "pii_categories"
    case withdrawalMethod = "withdrawal_method"
    case evidenceHash = "evidence_hash"
  }

  init(_ details: ReceiptDetails) {
    notice = details.notice?.id.nilIfEmpty
    language = details.notice?.language.nilIfEmpty
    textHash = details.notice?.textHash.nilIfEmpty.map { Hexadecimal.encode($0) }
    controller = details.controller.nilIfEmpty
    purposes = details.purposes.nilIfEmpty?.map {
      PurposeView(
        purpose: $0.purpose, decision: $0.decision == .denied ? "denied" : "granted",
        legalBasis: $0.legalBasis == .unspecified ? nil : LegalBasisName.text($0.legalBasis),
        coveredBy: $0.coveredBy.nilIfEmpty, retention: $0.retention.nilIfEmpty)
    }
    jurisdiction = details.jurisdiction.nilIfEmpty
    piiCategories = details.piiCategories.nilIfEmpty
    recipients = details.recipients.nilIfEmpty
    retention = details.retention.nilIfEmpty
    withdrawalMethod = details.withdrawalMethod.nilIfEmpty
    actor = details.actor.map { actor in
      ActorView(
        kind: ActorName.allCases.first { $0.kind == actor.kind }?.rawValue ?? "unknown",
        name: actor.name.nilIfEmpty,
        majorityAt: actor.majorityAtUs == 0
          ? nil : Timestamp(microseconds: actor.majorityAtUs).description)
    }
    evidenceHash = details.evidenceHash.nilIfEmpty.map { Hexadecimal.encode($0) }
  }

  /// Adds a row for each thing it says.
  func add(to table: inout Table) {
    if let notice {
      table.add("notice", [notice, language].compactMap { $0 }.joined(separator: ", "))
    }
    if let textHash { table.add("text shown", "SHA-256 \(textHash)") }
    if let controller { table.add("controller", controller) }
    for purpose in purposes ?? [] {
      table.add(
        "purpose",
        [
          "\(purpose.purpose): \(purpose.decision)", purpose.legalBasis,
          purpose.coveredBy.map { "by the answer to \($0)" },
        ].compactMap { $0 }.joined(separator: ", "))
    }
    if let jurisdiction { table.add("jurisdiction", jurisdiction) }
    if let piiCategories { table.add("PII categories", piiCategories.joined(separator: ", ")) }
    if let recipients { table.add("recipients", recipients.joined(separator: ", ")) }
    if let retention { table.add("retention", retention) }
    if let withdrawalMethod { table.add("to take it back", withdrawalMethod) }
    if let actor {
      table.add("actor", [actor.kind, actor.name].compactMap { $0 }.joined(separator: ", "))
      if let majorityAt = actor.majorityAt { table.add("of age", majorityAt) }
    }
    if let evidenceHash { table.add("evidence", "SHA-256 \(evidenceHash)") }
  }
}

extension Collection {
  /// The collection, or `nil` where it is empty.
  fileprivate var nilIfEmpty: Self? { isEmpty ? nil : self }
}
