package import ConsentAPI
internal import ConsentVerifier

/// What taking something back comes to, given what is recorded already.
package enum TakingBackPlan: Hashable, Sendable {
  /// A new receipt for these scopes.
  case record([String])
  /// All of it is taken back already, last by the receipt at this position.
  case recordedAlready(UInt64)
}

extension PersonState {
  /// What a withdrawal, an objection or a restriction of `named` scopes comes to; none named means
  /// all there are.
  ///
  /// It reaches every purpose below a named one that is allowed: taking back is never narrower than
  /// giving, and giving the whole may have given its parts.
  package func takingBack(
    _ named: [String], kind: ReceiptDraft.Kind, known: [String], tree: PurposeTree
  ) -> TakingBackPlan {
    if isErased { return .recordedAlready(erasureSequence) }
    var wanted = named
    let granted = grantedScopes
    if named.isEmpty {
      wanted =
        granted
        + known.filter { !granted.contains($0) }.prefix(
          ReceiptRules.scopeCountMax - granted.count)
    } else {
      wanted += below(named, tree: tree)
    }
    wanted = Array(wanted.prefix(ReceiptRules.scopeCountMax))
    let done = wanted.compactMap { sequence(of: kind, for: $0) }
    if let last = done.max(), done.count == wanted.count { return .recordedAlready(last) }
    return .record(wanted)
  }

  /// The scopes that are allowed and are part of one of `named`, by today's purposes or by the
  /// notice under which they were given.
  package func below(_ named: [String], tree: PurposeTree) -> [String] {
    scopes.lazy
      .filter { state in
        state.kind == .grant && !named.contains(state.scope)
          && (named.contains(state.coveredBy)
            || tree.ancestors(of: state.scope).contains(where: named.contains))
      }
      .map(\.scope)
  }

  /// The position of the receipt by which `scope` is in the state that `kind` brings about.
  private func sequence(of kind: ReceiptDraft.Kind, for scope: String) -> UInt64? {
    guard let state = state(of: scope) else { return nil }
    if kind == .restriction { return state.isRestricted ? state.restrictedSequence : nil }
    return state.kind == kind.receiptKind ? state.sequence : nil
  }

  /// The scopes whose restriction ends, of those `named`; none named means all that are restricted.
  package func lifting(_ named: [String], tree: PurposeTree) throws(ReceiptRefusal) -> [String] {
    if isErased { throw .erased }
    let restricted = scopes.lazy.filter(\.isRestricted).map(\.scope)
    let lifted = restricted.filter { scope in
      named.isEmpty || named.contains(scope)
        || tree.ancestors(of: scope).contains(where: named.contains)
    }
    guard !lifted.isEmpty else { throw .notRestricted }
    return Array(lifted)
  }
}
