public import PrivacyCore

/// The answer to "may this be read?": a proof that a read consumes, or the reason why not.
public enum Admission: ~Copyable, Sendable {
  /// The person allows it now.
  case admitted(ConsentProof)
  /// Nothing may be read.
  case withheld(Withholding)
}

/// The answer to "may this be written?".
public enum WriteAdmission: ~Copyable, Sendable {
  /// The receipt is in force for this person.
  case admitted(WriteProof)
  /// Nothing may be written.
  case withheld(Withholding)
}

/// Why something personal is not served.
public enum Withholding: String, Error, Hashable, Sendable, CaseIterable, CustomStringConvertible {
  /// No receipt of this person speaks of the scope.
  case neverAsked
  /// The person took it back.
  case withdrawn
  /// The receipt has run out.
  case expired
  /// The receipt counts only from a later time.
  case notYetValid
  /// The person was asked and refused.
  case denied
  /// The person objected to the use.
  case objected
  /// The use is restricted for now.
  case restricted
  /// The person was forgotten.
  case erased
  /// The gate does not know whether its table is up to date.
  case noLease
  /// For writes: the receipt named is not one that is in force for this person.
  case unknownReceipt

  public var description: String {
    switch self {
    case .neverAsked: "no consent was ever recorded for this scope"
    case .withdrawn: "consent was withdrawn"
    case .expired: "consent has expired"
    case .notYetValid: "consent is not valid yet"
    case .denied: "consent was refused"
    case .objected: "the person objected to the use"
    case .restricted: "the use is restricted for now"
    case .erased: "the person was erased"
    case .noLease: "the consent service cannot be reached, so nothing personal is served"
    case .unknownReceipt: "the receipt named is not in force for this person"
    }
  }
}

/// The right to read data of one person for one scope, now. Only a gate makes one, from a receipt
/// in force and under a live lease; a read consumes it.
public struct ConsentProof: ~Copyable, Sendable {
  /// The person.
  public let pid: PseudonymousID
  /// What is allowed.
  public let scope: Scope
  /// When the permission ends.
  public let expiresAt: Timestamp
  /// The position in the consent log of the receipt.
  public let sequence: LogSequenceNumber
  private let receipt: CompactConsentID

  /// The receipt that allows it. Costs the making of a text.
  public var consentID: ConsentID { receipt.consentID }

  init(pid: PseudonymousID, scope: Scope, permission: GateTable.Permission) {
    self.pid = pid
    self.scope = scope
    expiresAt = permission.expiresAt
    sequence = permission.sequence
    receipt = permission.receipt
  }
}

/// The right to write data of one person under one receipt, now.
public struct WriteProof: ~Copyable, Sendable {
  /// The person.
  public let pid: PseudonymousID
  /// The receipt that was named and is in force.
  public let consentID: ConsentID
  /// The scopes for which this receipt is the one that counts.
  public let scopes: [Scope]
  /// When the permission ends.
  public let expiresAt: Timestamp
  /// The position in the consent log of the receipt.
  public let sequence: LogSequenceNumber

  init(
    pid: PseudonymousID, consentID: ConsentID, scopes: [Scope], permission: GateTable.Permission
  ) {
    self.pid = pid
    self.consentID = consentID
    self.scopes = scopes
    expiresAt = permission.expiresAt
    sequence = permission.sequence
  }
}
