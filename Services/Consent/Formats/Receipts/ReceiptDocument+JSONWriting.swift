internal import PrivacyCore

extension ReceiptDocument {
  /// The receipt in the JSON form, one line without a line feed. What it does not say is left out;
  /// a grant that says nothing besides comes out in the seed's form, field by field in its order.
  package var jsonLine: String { jsonValue.line }

  private var jsonValue: JSONValue {
    .object([
      "consent_id": .text(consentID.description),
      "user_id_hashed": .text(pid.seedForm),
      "scopes": .list(scopes.map { .text($0) }),
      "granted_at": .text(grantedAt.description),
      "expires_at": expiresAt.map { .text($0.description) },
      "source": .text(source),
      "version": .number(Int64(version)),
      "kind": kind == .grant ? nil : .text(kind.rawValue),
      "former_user_id_hashed": formerPID.map { .text($0.seedForm) },
      "denied_scopes": .listed(deniedScopes),
      "notice": notice.map(\.jsonValue),
      "controller": .said(controller),
      "jurisdiction": .said(jurisdiction),
      "pii_categories": .listed(piiCategories),
      "recipients": .listed(recipients),
      "retention": .said(retention),
      "withdrawal_method": .said(withdrawalMethod),
      "purposes": purposes.isEmpty ? nil : purposesValue,
      "actor": actor.map(\.jsonValue),
      "evidence_hash": .said(Hexadecimal.encode(evidenceHash)),
      "recorded_at": recordedAt.map { .text($0.description) },
      "sequence": sequence.map { JSONValue(unsigned: $0) },
      "person_sequence": personSequence.map { JSONValue(unsigned: $0) },
      "previous_hash": .said(Hexadecimal.encode(previousHash)),
    ])
  }

  /// The purposes as the JSON form has them; also what stands in a cell of a CSV file.
  var purposesValue: JSONValue { .list(purposes.map(\.jsonValue)) }
}

extension JSONValue {
  // Positions end at Int64.max, and so do the readers.
  fileprivate init(unsigned number: UInt64) { self = .number(Int64(clamping: number)) }
}

extension ReceiptDocument.Notice {
  fileprivate var jsonValue: JSONValue {
    .object([
      "id": .said(id), "language": .said(language),
      "text_hash": .said(Hexadecimal.encode(textHash)),
    ])
  }
}

extension ReceiptDocument.Purpose {
  fileprivate var jsonValue: JSONValue {
    .object([
      "purpose": .text(name), "decision": decision.map { .text($0.rawValue) },
      "legal_basis": legalBasis.map { .text($0.rawValue) }, "covered_by": .said(coveredBy),
      "retention": .said(retention),
    ])
  }
}

extension ReceiptDocument.Actor {
  fileprivate var jsonValue: JSONValue {
    .object([
      "kind": kind.map { .text($0.rawValue) }, "name": .said(name),
      "majority_at": majorityAt.map { .text($0.description) },
    ])
  }
}
