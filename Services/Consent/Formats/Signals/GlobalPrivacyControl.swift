package import PrivacyCore

/// Global Privacy Control (W3C): a browser's `Sec-GPC: 1` says that the person does not want data
/// sold or shared. It takes back the scopes that do so; it never grants any.
package struct GlobalPrivacyControl: Hashable, Sendable {
  /// The header field.
  package static let headerName = "Sec-GPC"
  /// The words in a scope's name by which it is one of those that the signal means, where the
  /// configuration does not say.
  package static let telltaleWords: Set<String> = [
    "ad", "ads", "adtech", "advert", "adverts", "advertising", "sale", "sales", "sell", "selling",
    "share", "shared", "sharing", "targeting", "retargeting", "remarketing",
  ]

  /// The scopes it takes back.
  package let scopes: [Scope]

  /// A signal that takes back `scopes`.
  package init(withdrawing scopes: [Scope]) { self.scopes = scopes }

  /// A signal that takes back those of the `known` scopes with a telltale word in their names:
  /// `ads`, `data_sale`, `third-party.sharing`.
  package init(amongKnown known: [Scope]) {
    scopes = known.filter { scope in
      scope.description.split(whereSeparator: { "_-.".contains($0) })
        .contains { Self.telltaleWords.contains(String($0)) }
    }
  }

  /// Whether a request's field says so: it stands there once and is exactly `1`. Anything else is
  /// no signal, as the specification has it; the white space around a value is the HTTP reader's
  /// to take off.
  package static func isSignal(_ fieldValues: [String]) -> Bool { fieldValues == ["1"] }

  /// What to record for `pid`: a withdrawal of those of the scopes that the person has granted, by
  /// the browser's signal. `nil` where there is nothing to take back.
  package func draft(
    pid: PseudonymousID, consentID: ConsentID, granted: Set<Scope>, at time: Timestamp,
    source: String
  ) -> ReceiptDocument? {
    let taken = scopes.filter(granted.contains)
    guard !taken.isEmpty else { return nil }
    var draft = ReceiptDocument(
      consentID: consentID, pid: pid, kind: .withdrawal, scopes: taken.map(\.description),
      grantedAt: time, source: source, version: 0)
    draft.actor = .init(kind: .browserSignal, name: Self.headerName)
    return draft
  }
}
