package import ConsentAPI
package import PrivacyCore

/// What a caller asks to be recorded, read but not yet judged.
package struct ReceiptDraft: Hashable, Sendable {
  /// What a receipt says of its scopes.
  package enum Kind: String, Hashable, Sendable {
    case grant, withdrawal, erasure

    /// The same in the schema.
    package var receiptKind: ReceiptKind {
      switch self {
      case .grant: .grant
      case .withdrawal: .withdrawal
      case .erasure: .erasure
      }
    }
  }

  /// The receipt's id; `nil` where the service is to make it.
  package var consentID: ConsentID?
  package var pid: PseudonymousID
  package var kind: Kind
  package var scopes: [String]
  /// From when it counts; `nil` for now.
  package var grantedAt: Timestamp?
  /// Until when it counts; `nil` where the caller does not say, which only a grant must.
  package var expiresAt: Timestamp?
  package var source: String
  package var version: UInt32

  package init(
    consentID: ConsentID? = nil, pid: PseudonymousID, kind: Kind, scopes: [String],
    grantedAt: Timestamp? = nil, expiresAt: Timestamp? = nil, source: String, version: UInt32
  ) {
    self.consentID = consentID
    self.pid = pid
    self.kind = kind
    self.scopes = scopes
    self.grantedAt = grantedAt
    self.expiresAt = expiresAt
    self.source = source
    self.version = version
  }

  /// Whether `receipt` is what this draft asks for. Scopes are a set; a time that the draft leaves
  /// to the service fits any.
  package func asksFor(_ receipt: Receipt) -> Bool {
    receipt.kind == kind.receiptKind && receipt.pid == pid.bytes
      && receipt.expiresAtUs == expiresAt?.microseconds ?? 0
      && receipt.source == source && receipt.version == version
      && (grantedAt.map { $0.microseconds == receipt.grantedAtUs } ?? true)
      && (receipt.scopes == scopes || receipt.scopes.sorted() == scopes.sorted())
  }
}
