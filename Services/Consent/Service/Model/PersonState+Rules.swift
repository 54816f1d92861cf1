package import ConsentAPI
package import PrivacyCore

// Per person and scope the latest receipt in log order rules; a withdrawal takes its scopes back;
// an erasure takes everything, for ever.

/// The answer to one check.
package struct CheckDecision: Hashable, Sendable {
  package var reason: CheckReason
  /// The receipt that decided; empty where there is none.
  package var consentID = ""
  /// When the permission ends; 0 where there is none.
  package var expiresAtUs: Int64 = 0
}

/// What a withdrawal comes to, given what is recorded already.
package enum WithdrawalPlan: Hashable, Sendable {
  /// A new receipt for these scopes.
  case record([String])
  /// All of it is taken back already, last by the receipt at this position.
  case recordedAlready(UInt64)
}

extension PersonState {
  package var isErased: Bool { erasureSequence > 0 }

  private var grantedScopes: [String] {
    scopes.lazy.filter { $0.kind == .grant }.map(\.scope)
  }

  /// Folds in the person's next receipt.
  package mutating func record(_ receipt: Receipt) {
    receiptCount += 1
    lastSequence = receipt.sequence
    if receipt.kind == .erasure {
      erasureSequence = receipt.sequence
      scopes = []
      return
    }
    for scope in receipt.scopes {
      let state = ScopeState(
        scope: scope, kind: receipt.kind, consentID: receipt.consentID,
        grantedAtUs: receipt.grantedAtUs, expiresAtUs: receipt.expiresAtUs,
        sequence: receipt.sequence)
      if let index = scopes.firstIndex(where: { $0.scope == scope }) {
        scopes[index] = state
      } else {
        scopes.append(state)
      }
    }
  }

  /// Whether `scope` is allowed at `time`, going by everything folded in so far.
  package func decision(for scope: String, at time: Timestamp) -> CheckDecision {
    if isErased { return CheckDecision(reason: .erased) }
    guard let state = scopes.first(where: { $0.scope == scope }) else {
      return CheckDecision(reason: .neverAsked)
    }
    guard state.kind == .grant else {
      return CheckDecision(reason: .withdrawn, consentID: state.consentID)
    }
    var decision = CheckDecision(
      reason: .granted, consentID: state.consentID, expiresAtUs: state.expiresAtUs)
    if time.microseconds < state.grantedAtUs {
      decision.reason = .notYetValid
    } else if time.microseconds >= state.expiresAtUs {
      decision.reason = .expired
    }
    return decision
  }

  /// Refuses a grant that this person's receipts forbid.
  ///
  /// A consent dated before a withdrawal must not undo it: an old export of a CRM, imported late,
  /// would otherwise bring back what the person took back since.
  package func checkGrant(
    _ draft: ReceiptDraft, receiptCountMax: Int
  ) throws(ReceiptRefusal) {
    if isErased { throw .erased }
    guard receiptCount < receiptCountMax else { throw .tooManyReceipts(limit: receiptCountMax) }
    // What one receipt can allow one receipt must be able to take back.
    guard Set(grantedScopes).union(draft.scopes).count <= ReceiptRules.scopeCountMax else {
      throw .tooManyScopes(limit: ReceiptRules.scopeCountMax)
    }
    guard let grantedAt = draft.grantedAt else { return }
    for state in scopes where state.kind == .withdrawal && draft.scopes.contains(state.scope) {
      guard grantedAt.microseconds >= state.grantedAtUs else {
        throw .takenBackLater(
          scope: state.scope, at: Timestamp(microseconds: state.grantedAtUs))
      }
    }
  }

  /// The time a receipt dated now gets: never before what it follows, also when the clock was set
  /// back in between.
  package func date(now: Timestamp) -> Timestamp {
    let latest = scopes.lazy.filter { $0.kind == .withdrawal }.map(\.grantedAtUs).max() ?? .min
    return max(now, Timestamp(microseconds: latest))
  }

  /// What taking back `named` scopes comes to; none named means all there are.
  package func withdrawal(of named: [String], known: [String]) -> WithdrawalPlan {
    if isErased { return .recordedAlready(erasureSequence) }
    var wanted = named
    if named.isEmpty {
      let granted = grantedScopes
      wanted =
        granted
        + known.filter { !granted.contains($0) }.prefix(
          ReceiptRules.scopeCountMax - granted.count)
    }
    let withdrawn = wanted.compactMap { scope in
      scopes.first { $0.scope == scope && $0.kind == .withdrawal }?.sequence
    }
    if let last = withdrawn.max(), withdrawn.count == wanted.count {
      return .recordedAlready(last)
    }
    return .record(wanted)
  }
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
    for receipt in receipts {
      guard
        receipt.kind == .erasure
          || min(receipt.grantedAtUs, receipt.recordedAtUs) <= time.microseconds
      else { continue }
      state.record(receipt)
    }
    return state.decision(for: scope, at: time)
  }
}
