public import PrivacyCore
internal import ConsentAPI

/// One change of the consent log, as a gate sees it.
public struct ConsentChange: Hashable, Sendable {
  /// What a change does.
  public enum Kind: Hashable, Sendable {
    /// The scopes are allowed from `grantedAt` until `expiresAt`; `deniedScopes` are refused.
    case grant
    /// The scopes are taken back.
    case withdrawal
    /// `deniedScopes` are refused; `scopes` says nothing.
    case denial
    /// The person objects to the scopes: they are taken back.
    case objection
    /// The scopes must not be used for now; what is kept for them stays.
    case restriction
    /// A restriction of the scopes is over.
    case restrictionLifted
    /// The person is forgotten, for ever; `scopes` says nothing.
    case erasure
    /// The person, `former` until now, is also `pid` from here on, and only `pid` when the rotation is
    /// over.
    case renaming(former: PseudonymousID, rotation: UInt32)
  }

  /// Where it stands in the consent log.
  public let sequence: LogSequenceNumber
  /// Whom it is about.
  public let pid: PseudonymousID
  /// What it does.
  public let kind: Kind
  /// The scopes it speaks of.
  public let scopes: [Scope]
  /// The scopes that were refused in the same act.
  public let deniedScopes: [Scope]
  /// The receipt's id.
  public let consentID: ConsentID
  /// From when it counts.
  public let grantedAt: Timestamp
  /// Until when it counts (exclusive); only for grants.
  public let expiresAt: Timestamp

  /// A change.
  public init(
    sequence: LogSequenceNumber, pid: PseudonymousID, kind: Kind, scopes: [Scope],
    deniedScopes: [Scope] = [], consentID: ConsentID, grantedAt: Timestamp, expiresAt: Timestamp
  ) {
    self.sequence = sequence
    self.pid = pid
    self.kind = kind
    self.scopes = scopes
    self.deniedScopes = deniedScopes
    self.consentID = consentID
    self.grantedAt = grantedAt
    self.expiresAt = expiresAt
  }

  /// The change that `receipt` is, or `nil` where it is not well-formed.
  init?(_ receipt: Receipt) {
    guard let pid = PseudonymousID(bytes: receipt.pid), receipt.sequence > 0,
      let consentID = ConsentID(text: receipt.consentID)
    else { return nil }
    switch receipt.kind {
    case .grant: kind = .grant
    case .withdrawal: kind = .withdrawal
    case .erasure: kind = .erasure
    case .denial: kind = .denial
    case .objection: kind = .objection
    case .restriction: kind = .restriction
    case .restrictionLifted: kind = .restrictionLifted
    case .renaming:
      guard let former = PseudonymousID(bytes: receipt.formerPid), former != pid,
        receipt.rotation > 0
      else { return nil }
      kind = .renaming(former: former, rotation: receipt.rotation)
    case .unspecified, .unrecognized: return nil
    }
    scopes = receipt.scopes.compactMap { Scope($0) }
    deniedScopes = receipt.deniedScopes.compactMap { Scope($0) }
    guard scopes.count == receipt.scopes.count,
      deniedScopes.count == receipt.deniedScopes.count
    else { return nil }
    self.pid = pid
    self.consentID = consentID
    sequence = LogSequenceNumber(receipt.sequence)
    grantedAt = Timestamp(microseconds: receipt.grantedAtUs)
    expiresAt = Timestamp(microseconds: receipt.expiresAtUs)
  }
}

extension ConsentChange {
  /// Whether there is something that must not be served any more from the moment it is known.
  public var takesAway: Bool {
    switch kind {
    case .withdrawal, .denial, .objection, .restriction, .erasure: true
    case .grant: !deniedScopes.isEmpty
    case .restrictionLifted, .renaming: false
    }
  }

  /// Whether later changes cannot be understood before this one is known.
  var isRenaming: Bool {
    if case .renaming = kind { true } else { false }
  }

  /// The scopes for which nothing may be kept any more: those taken back and those refused. What is
  /// restricted is kept. An erasure names none and means all.
  public var endedScopes: [Scope] {
    switch kind {
    case .withdrawal, .objection: scopes
    case .grant, .denial: deniedScopes
    case .restriction, .restrictionLifted, .renaming, .erasure: []
    }
  }
}

/// What a service does when consent changes, beyond not serving: purge its rows.
public protocol GateEffects: Sendable {
  /// Carries out `changes`, which come in log order. The gate has stopped serving what they take
  /// away, and confirms them only when this returns. At each start all changes since the
  /// beginning come again, so it must be idempotent: the service keeps its own position in its
  /// store and writes it in the transaction that has the effect. A thrown error is tried again.
  ///
  /// - Parameter epoch: the history of the consent log that the changes are in. Positions of one
  ///   epoch say nothing about another, which follows where the consent service was restored from
  ///   a backup: its changes all come, and what they take away goes, also where it was given anew
  ///   in the time that the backup does not know.
  func apply(_ changes: [ConsentChange], epoch: UInt64) async throws

  /// What the service did for an erasure that it has applied, signed: a note of an
  /// `ErasureStatement`. Empty from a service that stores nothing about people.
  func statement(
    of pid: PseudonymousID, erasedAt sequence: LogSequenceNumber
  ) async throws -> [UInt8]
}

extension GateEffects {
  /// Says nothing.
  public func statement(
    of pid: PseudonymousID, erasedAt sequence: LogSequenceNumber
  ) async throws -> [UInt8] { [] }
}

/// The effects of a service that stores nothing about people.
public struct NoEffects: GateEffects {
  /// No effects.
  public init() {}

  public func apply(_ changes: [ConsentChange], epoch: UInt64) async throws {}
}
