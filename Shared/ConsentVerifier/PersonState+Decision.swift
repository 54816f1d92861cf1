package import ConsentAPI
package import PrivacyCore

/// The answer to one check.
package struct CheckDecision: Hashable, Sendable {
  package var reason: CheckReason
  /// The receipt that decided; empty where there is none.
  package var consentID = ""
  /// When the permission ends; 0 where there is none.
  package var expiresAtUs: Int64 = 0

  package init(reason: CheckReason, consentID: String = "", expiresAtUs: Int64 = 0) {
    self.reason = reason
    self.consentID = consentID
    self.expiresAtUs = expiresAtUs
  }
}

extension PersonState {
  package var isErased: Bool { erasureSequence > 0 }

  /// What is known of one scope.
  package func state(of scope: String) -> ScopeState? { scopes.first { $0.scope == scope } }

  /// Whether `scope` is allowed at `time`, going by everything folded in so far.
  package func decision(for scope: String, at time: Timestamp) -> CheckDecision {
    if isErased { return CheckDecision(reason: .erased) }
    // Where it lies: a copy would take hold of all its texts.
    for index in scopes.indices where scopes[index].scope == scope {
      return scopes[index].decision(at: time)
    }
    return CheckDecision(reason: .neverAsked)
  }
}

extension ScopeState {
  /// Whether the scope is allowed at `time`.
  package func decision(at time: Timestamp) -> CheckDecision {
    switch kind {
    case .withdrawal: return CheckDecision(reason: .withdrawn, consentID: consentID)
    case .denial: return CheckDecision(reason: .denied, consentID: consentID)
    case .objection: return CheckDecision(reason: .objected, consentID: consentID)
    case .grant: break
    case .erasure, .restriction, .restrictionLifted, .renaming, .unspecified, .unrecognized:
      return CheckDecision(reason: .neverAsked)
    }
    if isRestricted { return CheckDecision(reason: .restricted, consentID: restrictedBy) }
    var decision = CheckDecision(
      reason: .granted, consentID: consentID, expiresAtUs: expiresAtUs)
    if time.microseconds < grantedAtUs {
      decision.reason = .notYetValid
    } else if time.microseconds >= expiresAtUs {
      decision.reason = .expired
    }
    return decision
  }

  package var isRestricted: Bool { restrictedSequence > 0 }

  /// The hash of the receipt that a decision about this scope names.
  package func hash(of consentID: String) -> [UInt8] {
    isRestricted && consentID == restrictedBy ? restrictedHash : receiptHash
  }
}
