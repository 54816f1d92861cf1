package import ConsentAPI
package import PrivacyCore

/// What a caller asks to be recorded, read but not yet judged.
package struct ReceiptDraft: Equatable, Sendable {
  /// What a receipt says of its scopes.
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    case grant, withdrawal, erasure, denial, restriction
    case restrictionLifted = "restriction-lifted"
    case objection

    /// The same in the schema.
    package var receiptKind: ReceiptKind {
      switch self {
      case .grant: .grant
      case .withdrawal: .withdrawal
      case .erasure: .erasure
      case .denial: .denial
      case .restriction: .restriction
      case .restrictionLifted: .restrictionLifted
      case .objection: .objection
      }
    }

    /// The kind with this number in the schema; `nil` for one that says nothing.
    package init?(_ kind: ReceiptKind) {
      switch kind {
      case .grant: self = .grant
      case .withdrawal: self = .withdrawal
      case .erasure: self = .erasure
      case .denial: self = .denial
      case .restriction: self = .restriction
      case .restrictionLifted: self = .restrictionLifted
      case .objection: self = .objection
      case .renaming, .unspecified, .unrecognized: return nil
      }
    }

    /// Whether it is a person's answer to a notice: what was allowed and what was refused.
    package var isAnswer: Bool { self == .grant || self == .denial }
  }

  /// The receipt's id; `nil` where the service is to make it.
  package var consentID: ConsentID?
  package var pid: PseudonymousID
  package var kind: Kind
  package var scopes: [String]
  /// The scopes that were asked for in the same act and refused.
  package var deniedScopes: [String]
  /// From when it counts; `nil` for now.
  package var grantedAt: Timestamp?
  /// Until when it counts; `nil` where the caller does not say, which only a grant must.
  package var expiresAt: Timestamp?
  package var source: String
  package var version: UInt32
  package var details: ReceiptDetails?

  package init(
    consentID: ConsentID? = nil, pid: PseudonymousID, kind: Kind, scopes: [String],
    deniedScopes: [String] = [], grantedAt: Timestamp? = nil, expiresAt: Timestamp? = nil,
    source: String, version: UInt32, details: ReceiptDetails? = nil
  ) {
    self.consentID = consentID
    self.pid = pid
    self.kind = kind
    self.scopes = scopes
    self.deniedScopes = deniedScopes
    self.grantedAt = grantedAt
    self.expiresAt = expiresAt
    self.source = source
    self.version = version
    self.details = details
  }

  /// Whether `receipt` is what this draft asks for. Scopes are a set; a time that the draft leaves
  /// to the service fits any, and so does what it leaves to the notice.
  ///
  /// - Parameter person: the pid that a receipt of this person names; `nil` for the draft's.
  package func asksFor(_ receipt: Receipt, of person: PseudonymousID? = nil) -> Bool {
    receipt.kind == kind.receiptKind && receipt.pid == (person ?? pid).bytes
      && receipt.expiresAtUs == expiresAt?.microseconds ?? 0
      && receipt.source == source && receipt.version == version
      && (grantedAt.map { $0.microseconds == receipt.grantedAtUs } ?? true)
      && names(scopes, in: receipt.scopes, of: receipt)
      && names(deniedScopes, in: receipt.deniedScopes, of: receipt)
      && (details.map { $0.isContained(in: receipt.details ?? ReceiptDetails()) } ?? true)
  }

  /// Whether `named` is what `recorded` names, with or without what came in under a purpose above.
  private func names(_ named: [String], in recorded: [String], of receipt: Receipt) -> Bool {
    if recorded == named { return true }
    let covered = Set(
      (receipt.details?.purposes ?? []).lazy.filter { !$0.coveredBy.isEmpty }.map(\.purpose))
    return Set(named).isSubset(of: recorded)
      && Set(recorded).subtracting(named).isSubset(of: covered)
  }
}

extension ReceiptDetails {
  /// Whether everything that this says stands in `other` too.
  fileprivate func isContained(in other: ReceiptDetails) -> Bool {
    func fits(_ own: String, _ others: String) -> Bool { own.isEmpty || own == others }
    let notice = notice ?? NoticeReference()
    let otherNotice = other.notice ?? NoticeReference()
    return fits(notice.id, otherNotice.id) && fits(notice.language, otherNotice.language)
      && (notice.textHash.isEmpty || notice.textHash == otherNotice.textHash)
      && fits(controller, other.controller) && fits(jurisdiction, other.jurisdiction)
      && fits(retention, other.retention) && fits(withdrawalMethod, other.withdrawalMethod)
      && (piiCategories.isEmpty || piiCategories == other.piiCategories)
      && (recipients.isEmpty || recipients == other.recipients)
      && (actor == nil || actor == other.actor)
      && (evidenceHash.isEmpty || evidenceHash == other.evidenceHash)
      && purposes.allSatisfy { purpose in
        other.purposes.contains { purpose.isContained(in: $0) }
      }
  }
}

extension PurposeConsent {
  /// Whether everything that this says stands in `other` too.
  fileprivate func isContained(in other: PurposeConsent) -> Bool {
    purpose == other.purpose
      && (decision == .unspecified || decision == other.decision)
      && (legalBasis == .unspecified || legalBasis == other.legalBasis)
      && (coveredBy.isEmpty || coveredBy == other.coveredBy)
      && (retention.isEmpty || retention == other.retention)
  }
}
