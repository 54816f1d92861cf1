package import ConsentAPI
package import ConsentFormats
internal import PrivacyCore

// Receipts as the schema has them, and as plain values that every format is read into and written
// from. The words are those of the formats, the numbers those of the schema.

extension ReceiptDocument {
  /// What a receipt says; `nil` where it is of a kind that this program does not know.
  ///
  /// - Parameter withStanding: also when it was recorded and where it stands, which the service says
  ///   of it.
  package init?(_ receipt: Receipt, withStanding: Bool = false) {
    guard let id = ConsentID(text: receipt.consentID), let kind = Kind(receipt.kind),
      let pid = PseudonymousID(bytes: receipt.pid)
    else { return nil }
    self.init(
      consentID: id, pid: pid, kind: kind, scopes: receipt.scopes,
      grantedAt: Timestamp(microseconds: receipt.grantedAtUs),
      expiresAt: kind == .grant ? Timestamp(microseconds: receipt.expiresAtUs) : nil,
      source: receipt.source, version: receipt.version)
    deniedScopes = receipt.deniedScopes
    formerPID = PseudonymousID(bytes: receipt.formerPid)
    if let details = receipt.details { set(details) }
    guard withStanding else { return }
    recordedAt = Timestamp(microseconds: receipt.recordedAtUs)
    sequence = receipt.sequence
    personSequence = receipt.personSequence == 0 ? nil : receipt.personSequence
    previousHash = receipt.previousHash
  }

  private mutating func set(_ details: ReceiptDetails) {
    notice = details.notice.map {
      Notice(id: $0.id, language: $0.language, textHash: $0.textHash)
    }
    controller = details.controller
    jurisdiction = details.jurisdiction
    piiCategories = details.piiCategories
    recipients = details.recipients
    retention = details.retention
    withdrawalMethod = details.withdrawalMethod
    purposes = details.purposes.map {
      Purpose(
        name: $0.purpose, decision: Decision($0.decision), legalBasis: LegalBasis($0.legalBasis),
        coveredBy: $0.coveredBy, retention: $0.retention)
    }
    actor = details.actor.map {
      Actor(
        kind: Actor.Kind($0.kind), name: $0.name,
        majorityAt: $0.majorityAtUs == 0 ? nil : Timestamp(microseconds: $0.majorityAtUs))
    }
    evidenceHash = details.evidenceHash
  }

  /// What the receipt says besides, as the schema has it; `nil` for nothing.
  fileprivate var details: ReceiptDetails? {
    let hasTexts =
      !controller.isEmpty || !jurisdiction.isEmpty || !retention.isEmpty
      || !withdrawalMethod.isEmpty || !evidenceHash.isEmpty
    let hasLists = !piiCategories.isEmpty || !recipients.isEmpty || !purposes.isEmpty
    guard hasTexts || hasLists || notice != nil || actor != nil else { return nil }
    return ReceiptDetails(
      notice: notice.map {
        NoticeReference(id: $0.id, language: $0.language, textHash: $0.textHash)
      },
      controller: controller,
      purposes: purposes.map {
        PurposeConsent(
          purpose: $0.name, decision: $0.decision?.inSchema ?? .unspecified,
          legalBasis: $0.legalBasis?.inSchema ?? .unspecified, coveredBy: $0.coveredBy,
          retention: $0.retention)
      },
      jurisdiction: jurisdiction, piiCategories: piiCategories, recipients: recipients,
      retention: retention, withdrawalMethod: withdrawalMethod,
      actor: actor.map {
        ConsentAPI.Actor(
          kind: $0.kind?.inSchema ?? .unspecified, name: $0.name,
          majorityAtUs: $0.majorityAt?.microseconds ?? 0)
      },
      evidenceHash: evidenceHash)
  }
}

extension Receipt {
  /// The receipt that `document` is, to be imported: without what only the service can say of it.
  package init(_ document: ReceiptDocument) {
    self.init(
      consentID: document.consentID.description, pid: document.pid.bytes, scopes: document.scopes,
      grantedAtUs: document.grantedAt.microseconds,
      expiresAtUs: document.expiresAt?.microseconds ?? 0, source: document.source,
      version: document.version, kind: document.kind.receiptKind,
      deniedScopes: document.deniedScopes, details: document.details)
  }
}

extension ReceiptDraft {
  /// The draft of a receipt that was read from a file.
  package init(importing document: ReceiptDocument) throws(ReceiptRefusal) {
    guard let kind = Kind(document.kind.receiptKind) else { throw .renamingImported }
    self.init(
      consentID: document.consentID, pid: document.pid, kind: kind,
      scopes: document.scopes, deniedScopes: document.deniedScopes,
      grantedAt: document.grantedAt, expiresAt: document.expiresAt, source: document.source,
      version: document.version, details: document.details)
    try checkImport()
  }

  /// The draft of a receipt that another program has read.
  package init(importing receipt: Receipt) throws(ReceiptRefusal) {
    guard let id = ConsentID(text: receipt.consentID) else { throw .malformedConsentID }
    guard let pid = PseudonymousID(bytes: receipt.pid) else { throw .malformedPID }
    if receipt.kind == .renaming { throw .renamingImported }
    guard let kind = Kind(receipt.kind) else { throw .unknownKind }
    self.init(
      consentID: id, pid: pid, kind: kind, scopes: receipt.scopes,
      deniedScopes: receipt.deniedScopes,
      grantedAt: Timestamp(microseconds: receipt.grantedAtUs),
      expiresAt: receipt.expiresAtUs == 0 ? nil : Timestamp(microseconds: receipt.expiresAtUs),
      source: receipt.source, version: receipt.version, details: receipt.details)
    try checkImport()
  }

  private func checkImport() throws(ReceiptRefusal) {
    switch kind {
    // Only a caller of Withdraw can mean all scopes by naming none; a receipt says what it says.
    case .withdrawal, .objection, .restriction, .restrictionLifted:
      if scopes.isEmpty { throw .noScopes }
    case .grant:
      if expiresAt == nil { throw .noExpiry }
    case .denial, .erasure: break
    }
  }
}

// MARK: - Words and numbers

extension ReceiptDocument.Kind {
  fileprivate var receiptKind: ReceiptKind {
    switch self {
    case .grant: .grant
    case .withdrawal: .withdrawal
    case .erasure: .erasure
    case .denial: .denial
    case .restriction: .restriction
    case .restrictionLifted: .restrictionLifted
    case .objection: .objection
    case .renaming: .renaming
    }
  }

  fileprivate init?(_ kind: ReceiptKind) {
    switch kind {
    case .grant: self = .grant
    case .withdrawal: self = .withdrawal
    case .erasure: self = .erasure
    case .denial: self = .denial
    case .restriction: self = .restriction
    case .restrictionLifted: self = .restrictionLifted
    case .objection: self = .objection
    case .renaming: self = .renaming
    case .unspecified, .unrecognized: return nil
    }
  }
}

extension ReceiptDocument.Decision {
  fileprivate init?(_ decision: PurposeDecision) {
    switch decision {
    case .granted: self = .granted
    case .denied: self = .denied
    case .unspecified, .unrecognized: return nil
    }
  }

  fileprivate var inSchema: PurposeDecision { self == .granted ? .granted : .denied }
}

extension ReceiptDocument.LegalBasis {
  fileprivate init?(_ basis: ConsentAPI.LegalBasis) {
    guard let own = Self.allCases.first(where: { $0.inSchema == basis }) else { return nil }
    self = own
  }

  fileprivate var inSchema: ConsentAPI.LegalBasis {
    switch self {
    case .consent: .consent
    case .contract: .contract
    case .legalObligation: .legalObligation
    case .vitalInterests: .vitalInterests
    case .publicTask: .publicTask
    case .legitimateInterests: .legitimateInterests
    case .explicitConsent: .explicitConsent
    }
  }
}

extension ReceiptDocument.Actor.Kind {
  fileprivate init?(_ kind: ActorKind) {
    guard let own = Self.allCases.first(where: { $0.inSchema == kind }) else { return nil }
    self = own
  }

  fileprivate var inSchema: ActorKind {
    switch self {
    case .`self`: .`self`
    case .guardian: .guardian
    case .agent: .agent
    case .import: .import
    case .browserSignal: .browserSignal
    }
  }
}
