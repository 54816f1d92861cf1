public import PrivacyCore

/// What is to be recorded: who did what, to whose data, on what ground. No identifier, no value.
public struct AuditEntry: Sendable {
  /// Who: a SPIFFE id.
  public var principal: String
  /// What: `consent.withdraw`.
  public var action: String
  /// What for.
  public var purpose: String
  /// The people it touched.
  public var pids: [PseudonymousID]
  /// The receipts it stood on.
  public var consentIDs: [String]
  /// What else there is to say, in this order.
  public var details: [(name: String, value: String)]
  /// What the service proves by this entry, in a form of its own; empty for nothing. Up to 4,096
  /// bytes.
  public var statement: [UInt8]

  /// An entry.
  public init(
    principal: String, action: String, purpose: String = "", pids: [PseudonymousID] = [],
    consentIDs: [String] = [], details: [(name: String, value: String)] = [],
    statement: [UInt8] = []
  ) {
    self.principal = principal
    self.action = action
    self.purpose = purpose
    self.pids = pids
    self.consentIDs = consentIDs
    self.details = details
    self.statement = statement
  }
}
