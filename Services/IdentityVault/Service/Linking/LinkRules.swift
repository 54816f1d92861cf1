internal import PrivacyCore
internal import ServiceKit
internal import Transport

/// What must be so before two identifiers become one person's.
struct LinkRules: Sendable {
  private let policy = AccessPolicy()

  /// Provenance is shown outside of the vault: it must not carry what is kept inside.
  func checkedProvenance(_ text: String) throws(VaultRefusal) -> String {
    guard (1...256).contains(text.utf8.count) else { throw .provenanceLength }
    if let finding = IdentifierGuard.finding(in: text) {
      throw .provenanceLooksLike(finding.rawValue)
    }
    return text
  }

  /// A confirmation is the word of somebody with the right to give it, never that of a program.
  func checkConfirmation(by peer: PeerIdentity) throws(VaultRefusal) {
    guard peer.kind != .service, policy.permits(peer, scope: "vault.confirm") else {
      throw .confirmationNotAllowed
    }
  }
}
