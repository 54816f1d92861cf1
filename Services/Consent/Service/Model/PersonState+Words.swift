package import ConsentAPI
internal import ConsentVerifier
package import PrivacyCore

extension PersonState {
  /// The person's whole state in words: each purpose that is known or that a receipt spoke of,
  /// parents before their parts.
  ///
  /// - Parameter language: the language wanted; where a text has none of it, its first one.
  package func standings(
    in catalog: ConsentCatalog, language: String, now: Timestamp
  ) -> [PurposeStanding] {
    let others = scopes.map(\.scope).filter { !catalog.knownScopes.contains($0) }
    let purposes = catalog.knownScopes + others
    let ordered = purposes.filter { catalog.tree.parent(of: $0) == nil }
      .flatMap { root in [root] + catalog.tree.branch(below: root) }
    return ordered.map { standing(of: $0, in: catalog, language: language, now: now) }
  }

  private func standing(
    of purpose: String, in catalog: ConsentCatalog, language: String, now: Timestamp
  ) -> PurposeStanding {
    var standing = PurposeStanding()
    standing.purpose = purpose
    standing.parent = catalog.tree.parent(of: purpose) ?? ""
    if let described = catalog.purpose(purpose),
      let tag = LanguageTag.best(of: described.texts.map(\.language), for: language),
      let text = described.texts.first(where: { $0.language == tag })
    {
      standing.title = text.title
      standing.text = text.text
      standing.language = text.language
    }
    let decision = decision(for: purpose, at: now)
    standing.reason = decision.reason
    if let state = state(of: purpose), !isErased {
      standing.decision =
        state.kind == .grant ? .granted : state.kind == .denial ? .denied : .unspecified
      standing.sinceUs =
        state.isRestricted && decision.reason == .restricted
        ? state.restrictedAtUs : state.grantedAtUs
      standing.untilUs = state.kind == .grant ? state.expiresAtUs : 0
      standing.consentID = decision.consentID
      standing.noticeID = state.noticeID
      standing.noticeVersion = state.noticeVersion
      if state.kind == .grant, decision.reason != .expired {
        standing.withdrawScopes = [purpose]
        standing.withdrawalMethod = withdrawalMethod(of: state, in: catalog)
      }
    }
    standing.sentence = decision.reason.sentence(
      since: standing.sinceUs == 0 ? nil : Timestamp(microseconds: standing.sinceUs),
      until: standing.untilUs == 0 ? nil : Timestamp(microseconds: standing.untilUs))
    return standing
  }

  private func withdrawalMethod(of state: ScopeState, in catalog: ConsentCatalog) -> String {
    let told = try? catalog.notice(state.noticeID, version: state.noticeVersion).withdrawalMethod
    return told ?? "one call of Withdraw, or: tacit-consent withdraw --scope \(state.scope)"
  }
}

extension PurposeTree {
  /// The purposes below `purpose`, each before its own parts.
  fileprivate func branch(below purpose: String) -> [String] {
    descendants(of: purpose).filter { parent(of: $0) == purpose }
      .flatMap { [$0] + branch(below: $0) }
  }
}

extension CheckReason {
  /// The state of a purpose in a sentence.
  package func sentence(since: Timestamp?, until: Timestamp?) -> String {
    let since = since.map { " since \($0)" } ?? ""
    let until = until.map { " until \($0)" } ?? ""
    return switch self {
    case .granted: "Allowed\(since)\(until)."
    case .neverAsked: "Never asked, so not allowed."
    case .withdrawn: "Taken back\(since.isEmpty ? "" : " on" + since.dropFirst(6)), not allowed."
    case .expired: "Was allowed\(until), not allowed any more."
    case .notYetValid: "Allowed\(since.isEmpty ? "" : " from" + since.dropFirst(6)), not yet."
    case .erased: "Everything about this person was erased."
    case .denied: "Refused\(since.isEmpty ? "" : " on" + since.dropFirst(6)), not allowed."
    case .restricted: "Allowed, but restricted for now\(since): not used."
    case .objected: "Objected to\(since.isEmpty ? "" : " on" + since.dropFirst(6)), not allowed."
    case .unspecified, .unrecognized: "Not known, so not allowed."
    }
  }
}
