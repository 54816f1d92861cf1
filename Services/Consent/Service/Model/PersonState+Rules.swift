package import ConsentAPI
package import PrivacyCore

// Per person and scope the latest receipt in log order rules. A withdrawal, a refusal and an
// objection take their scopes back; a restriction stands beside what was given until it is lifted;
// an erasure takes everything, for ever.

/// The answer to one check.
package struct CheckDecision: Hashable, Sendable {
  package var reason: CheckReason
  /// The receipt that decided; empty where there is none.
  package var consentID = ""
  /// When the permission ends; 0 where there is none.
  package var expiresAtUs: Int64 = 0
}

extension ReceiptKind {
  /// Whether the latest receipt of this kind means that the scope was taken back or refused.
  var takesBack: Bool {
    switch self {
    case .withdrawal, .denial, .objection, .erasure: true
    case .grant, .restriction, .restrictionLifted, .unspecified, .unrecognized: false
    }
  }
}

extension PersonState {
  package var isErased: Bool { erasureSequence > 0 }

  /// What is known of one scope.
  package func state(of scope: String) -> ScopeState? { scopes.first { $0.scope == scope } }

  var grantedScopes: [String] {
    scopes.lazy.filter { $0.kind == .grant }.map(\.scope)
  }

  // MARK: Folding

  /// Folds in the person's next receipt.
  package mutating func record(_ receipt: Receipt) {
    receiptCount += 1
    lastSequence = receipt.sequence
    switch receipt.kind {
    case .erasure:
      erasureSequence = receipt.sequence
      scopes = []
    case .grant, .denial:
      for scope in receipt.scopes { answer(receipt, scope, .grant) }
      for scope in receipt.deniedScopes { answer(receipt, scope, .denial) }
    case .withdrawal, .objection:
      for scope in receipt.scopes { answer(receipt, scope, receipt.kind) }
    case .restriction:
      for scope in receipt.scopes { restrict(receipt, scope) }
    case .restrictionLifted:
      for scope in receipt.scopes { lift(scope) }
    case .unspecified, .unrecognized: break
    }
  }

  private mutating func answer(_ receipt: Receipt, _ scope: String, _ kind: ReceiptKind) {
    let index = index(of: scope)
    scopes[index].kind = kind
    scopes[index].consentID = receipt.consentID
    scopes[index].grantedAtUs = receipt.grantedAtUs
    scopes[index].expiresAtUs = kind == .grant ? receipt.expiresAtUs : 0
    scopes[index].sequence = receipt.sequence
    scopes[index].coveredBy =
      receipt.details?.purposes.first { $0.purpose == scope }?.coveredBy ?? ""
    scopes[index].noticeID = receipt.details?.notice?.id ?? ""
    scopes[index].noticeVersion = scopes[index].noticeID.isEmpty ? 0 : receipt.version
  }

  private mutating func restrict(_ receipt: Receipt, _ scope: String) {
    let index = index(of: scope)
    scopes[index].restrictedBy = receipt.consentID
    scopes[index].restrictedAtUs = receipt.grantedAtUs
    scopes[index].restrictedSequence = receipt.sequence
  }

  private mutating func lift(_ scope: String) {
    guard let index = scopes.firstIndex(where: { $0.scope == scope }) else { return }
    guard scopes[index].kind != .unspecified else {
      scopes.remove(at: index)
      return
    }
    scopes[index].restrictedBy = ""
    scopes[index].restrictedAtUs = 0
    scopes[index].restrictedSequence = 0
  }

  private mutating func index(of scope: String) -> Int {
    if let index = scopes.firstIndex(where: { $0.scope == scope }) { return index }
    scopes.append(ScopeState(scope: scope))
    return scopes.count - 1
  }

  // MARK: Answers

  /// Whether `scope` is allowed at `time`, going by everything folded in so far.
  package func decision(for scope: String, at time: Timestamp) -> CheckDecision {
    if isErased { return CheckDecision(reason: .erased) }
    guard let state = state(of: scope) else { return CheckDecision(reason: .neverAsked) }
    return state.decision(at: time)
  }

  /// Whether recording `receipt` takes away something that a gate may be serving: then it needs the
  /// barrier. To be asked before the receipt is folded in.
  package func isNarrowed(by receipt: Receipt) -> Bool {
    switch receipt.kind {
    case .withdrawal, .objection, .restriction, .erasure: return true
    case .restrictionLifted: return false
    case .grant, .denial, .unspecified, .unrecognized: break
    }
    if receipt.deniedScopes.contains(where: { state(of: $0)?.kind == .grant }) { return true }
    // A consent that begins later or ends earlier than the one it follows takes the rest away.
    return receipt.scopes.contains { scope in
      guard let state = state(of: scope), state.kind == .grant else { return false }
      return receipt.grantedAtUs > max(state.grantedAtUs, receipt.recordedAtUs)
        || receipt.expiresAtUs < state.expiresAtUs
    }
  }

  /// Refuses an answer that this person's receipts forbid.
  ///
  /// A consent dated before a withdrawal must not undo it: an old export of a CRM, imported late,
  /// would otherwise bring back what the person took back since.
  package func checkAnswer(
    _ draft: ReceiptDraft, receiptCountMax: Int
  ) throws(ReceiptRefusal) {
    if isErased { throw .erased }
    // What one receipt can allow one receipt must be able to take back.
    guard Set(grantedScopes).union(draft.scopes).count <= ReceiptRules.scopeCountMax else {
      throw .tooManyScopes(limit: ReceiptRules.scopeCountMax)
    }
    // A refusal takes away, so that it is never refused for being one too many.
    guard draft.kind == .denial || receiptCount < receiptCountMax else {
      throw .tooManyReceipts(limit: receiptCountMax)
    }
    guard let grantedAt = draft.grantedAt else { return }
    for state in scopes where state.kind.takesBack && draft.scopes.contains(state.scope) {
      guard grantedAt.microseconds >= state.grantedAtUs else {
        throw .takenBackLater(
          scope: state.scope, at: Timestamp(microseconds: state.grantedAtUs))
      }
    }
  }

  /// The time a receipt dated now gets: never before what it follows, also when the clock was set
  /// back in between.
  package func date(now: Timestamp) -> Timestamp {
    let latest = scopes.lazy.filter(\.kind.takesBack).map(\.grantedAtUs).max() ?? .min
    return max(now, Timestamp(microseconds: latest))
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
    case .erasure, .restriction, .restrictionLifted, .unspecified, .unrecognized:
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
}

/// Checks as of another time than now.
package enum ConsentHistory {
  /// Whether `scope` was, or will be, allowed at `time`.
  ///
  /// A receipt counts from when it was given or recorded, whichever was first; of those that count
  /// at `time` the latest in log order rules. An erasure counts at every time.
  package static func decision(
    for scope: String, at time: Timestamp, receipts: [Receipt]
  ) -> CheckDecision {
    var state = PersonState()
    for receipt in receipts where counts(receipt, at: time) { state.record(receipt) }
    return state.decision(for: scope, at: time)
  }

  /// Whether a receipt counts for a check as of `time`.
  package static func counts(_ receipt: Receipt, at time: Timestamp) -> Bool {
    receipt.kind == .erasure
      || min(receipt.grantedAtUs, receipt.recordedAtUs) <= time.microseconds
  }
}
