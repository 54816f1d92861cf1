package import PrivacyCore

/// What every receipt must fulfil, whatever is recorded already.
package struct ReceiptRules: Sendable {
  /// The scopes that may be named, in the order of the configuration.
  package let knownScopes: [String]
  private let known: Set<String>

  /// The most scopes a receipt may name.
  package static let scopeCountMax = 64
  /// The most bytes of a source.
  package static let sourceByteCountMax = 256
  /// 9999-12-31T23:59:59Z: what has a four-digit year can be written as RFC 3339.
  package static let latest = Timestamp(seconds: 253_402_300_799)

  /// The rules where these scopes may be named.
  package init(known scopes: [String]) {
    knownScopes = scopes
    known = Set(scopes)
  }

  /// The rules where these scopes may be named.
  package init(scopes: [Scope]) { self.init(known: scopes.map(\.description)) }

  /// Refuses a draft that cannot be recorded for anybody. Times the draft leaves open are judged
  /// as `now`.
  package func check(_ draft: ReceiptDraft, now: Timestamp) throws(ReceiptRefusal) {
    let grantedAt = draft.grantedAt ?? now
    try checkTime(grantedAt, field: "granted_at")
    switch draft.kind {
    case .grant:
      guard !draft.scopes.isEmpty else { throw .noScopes }
      guard let expiresAt = draft.expiresAt else { throw .noExpiry }
      try checkTime(expiresAt, field: "expires_at")
      guard grantedAt < expiresAt else { throw .expiryNotAfterGrant }
      guard !draft.source.isEmpty else { throw .noSource }
      guard draft.version > 0 else { throw .noVersion }
    case .denial:
      guard draft.scopes.isEmpty else { throw .grantInDenial }
      guard !draft.deniedScopes.isEmpty else { throw .noScopes }
      guard draft.expiresAt == nil else { throw .needlessExpiry(draft.kind) }
      guard !draft.source.isEmpty else { throw .noSource }
      guard draft.version > 0 else { throw .noVersion }
    case .withdrawal, .erasure, .restriction, .restrictionLifted, .objection:
      guard draft.expiresAt == nil else { throw .needlessExpiry(draft.kind) }
      guard draft.deniedScopes.isEmpty else { throw .needlessDenials(draft.kind) }
    }
    try checkScopes(draft.scopes)
    try checkScopes(draft.deniedScopes)
    guard draft.scopes.count + draft.deniedScopes.count <= Self.scopeCountMax else {
      throw .tooManyScopes(limit: Self.scopeCountMax)
    }
    if let scope = draft.deniedScopes.first(where: draft.scopes.contains) {
      throw .scopeBothWays(scope)
    }
    try checkSource(draft.source)
    if let details = draft.details { try check(details, of: draft, grantedAt: grantedAt) }
  }

  /// Refuses scopes that are unknown, malformed, named twice or too many.
  package func checkScopes(_ scopes: [String]) throws(ReceiptRefusal) {
    guard scopes.count <= Self.scopeCountMax else {
      throw .tooManyScopes(limit: Self.scopeCountMax)
    }
    for (index, scope) in scopes.enumerated() {
      guard known.contains(scope) else {
        // A text that is no name may be anything, so it is not repeated.
        throw NameRule.accepts(scope)
          ? .unknownScope(scope, known: knownScopes) : .malformedScope
      }
      guard !scopes[..<index].contains(scope) else { throw .scopeNamedTwice(scope) }
    }
  }

  /// Refuses a scope that is unknown or malformed.
  package func checkScope(_ scope: String) throws(ReceiptRefusal) {
    guard known.contains(scope) else { try checkScopes([scope]); return }
  }

  private func checkTime(_ time: Timestamp, field: String) throws(ReceiptRefusal) {
    guard time.microseconds >= 0, time <= Self.latest else {
      throw .timeOutOfRange(field: field)
    }
  }

  private func checkSource(_ source: String) throws(ReceiptRefusal) {
    guard source.utf8.count <= Self.sourceByteCountMax,
      source.utf8.allSatisfy({ $0 >= UInt8(ascii: " ") && $0 != 0x7F })
    else { throw .malformedSource }
    if let finding = IdentifierGuard.finding(in: source) {
      throw .sourceLooksLike(finding.rawValue)
    }
  }
}
