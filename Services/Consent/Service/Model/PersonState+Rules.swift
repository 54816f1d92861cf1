package import ConsentAPI
internal import ConsentVerifier
package import PrivacyCore

// Per person and scope the latest receipt in log order rules. A withdrawal, a refusal and an
// objection take their scopes back; a restriction stands beside what was given until it is lifted;
// an erasure takes everything, for ever.

extension ReceiptKind {
  /// Whether the latest receipt of this kind means that the scope was taken back or refused.
  var takesBack: Bool {
    switch self {
    case .withdrawal, .denial, .objection, .erasure: true
    case .grant, .restriction, .restrictionLifted, .renaming, .unspecified, .unrecognized: false
    }
  }
}

extension PersonState {
  var grantedScopes: [String] {
    scopes.lazy.filter { $0.kind == .grant }.map(\.scope)
  }

  // MARK: Folding

  /// Folds in the person's next receipt. The log commits to what comes of it, packed: see
  /// `PersonState`.
  ///
  /// - Parameter hash: SHA-256 of the packed receipt.
  package mutating func record(_ receipt: Receipt, hash: [UInt8]) {
    receiptCount += 1
    lastSequence = receipt.sequence
    lastHash = hash
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
    case .renaming: renamings.append(receipt.sequence)
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
    scopes[index].receiptHash = lastHash
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
    scopes[index].restrictedHash = lastHash
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
    scopes[index].restrictedHash = []
  }

  private mutating func index(of scope: String) -> Int {
    if let index = scopes.firstIndex(where: { $0.scope == scope }) { return index }
    scopes.append(ScopeState(scope: scope))
    return scopes.count - 1
  }

  // MARK: Judging

  /// Whether recording `receipt` takes away something that a gate may be serving: then it needs the
  /// barrier. To be asked before the receipt is folded in.
  ///
  /// - Parameter now: the machine's time, by which gates judge what they serve.
  package func isNarrowed(by receipt: Receipt, now: Timestamp) -> Bool {
    switch receipt.kind {
    case .withdrawal, .objection, .restriction, .erasure: return true
    case .restrictionLifted, .renaming: return false
    case .grant, .denial, .unspecified, .unrecognized: break
    }
    // Also where it was refused already: the refusal before this one may have been recorded by a call
    // that broke off, or by a service that crashed, before the gates were told.
    if !receipt.deniedScopes.isEmpty { return true }
    // A consent that begins later or ends earlier than the one it follows takes the rest away.
    return receipt.scopes.contains { scope in
      guard let state = state(of: scope), state.kind == .grant else { return false }
      return receipt.grantedAtUs > max(state.grantedAtUs, now.microseconds)
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
