public import RPC
public import Transport
public import WireFormat

/// Who may call what: each peer identity holds some scopes, each method asks for one.
///
/// Unknown means no: an identity or a scope that is not named here is refused.
public struct AccessPolicy: MethodAuthorizer {
  /// What every peer with a certificate may ask. A schema is no secret: it is in every program and
  /// says what may be asked, not what would be answered. A log is there to be checked by others, and
  /// shows nothing of a person.
  private static let scopesOfEverybody: Set<String> = [
    "health.read", "reflection.read", "audit.read",
  ]

  /// What each service may ask of the others.
  private static let scopesByService: [String: Set<String>] = [
    "consent": ["vault.forget", "vault.renamings", "vault.rekey"],
    "vault": [],
    "features": ["consent.gate", "vault.subject_keys", "vault.rekey"],
    "trainer": ["consent.gate", "features.read", "features.train"],
    "vectors": [
      "consent.gate", "vault.subject_keys", "vault.rekey", "features.read", "trainer.read",
    ],
    "pipeline": [
      "vault.pseudonymize", "vault.create", "vault.batch", "consent.read", "consent.write",
      "consent.import", "features.define", "features.read", "features.write", "vectors.publish",
    ],
  ]

  /// What each role of people may do.
  private static let scopesByRole: [String: Set<String>] = [
    "marketing": [
      "consent.read", "features.read", "vectors.search", "vectors.recommend", "trainer.read",
    ],
    "analyst": [
      "trainer.read", "trainer.query", "trainer.train", "trainer.budget", "features.read",
    ],
    "privacy": [
      "consent.read", "consent.write", "consent.export", "consent.watch", "consent.erase",
      "consent.notices", "consent.webhooks",
      "vault.pseudonymize", "vault.show", "vault.merge", "vault.confirm", "trainer.read",
      "trainer.budget",
      "vault.access", "consent.access", "features.access", "trainer.access", "vectors.access",
      "reidentification.approve", "reidentification.list", "reidentification.freeze",
      "reidentification.unfreeze",
      "incident.read", "incident.people",
    ],
    "legal": [
      "reidentification.request", "reidentification.redeem", "reidentification.list",
      "reidentification.freeze",
    ],
    "security": [
      "reidentification.list", "reidentification.freeze", "reidentification.unfreeze",
      "keys.read", "keys.rotate", "keys.retire", "vault.rotate", "incident.read",
    ],
    // The vault lets a partner ask of one domain only, the one that has the partner's name.
    "partner": ["vault.oblivious"],
    "witness": ["audit.cosign"],
  ]

  /// What nobody holds for running the machines: whose names are uncovered, and for whom everything
  /// about a person is gathered, is for the roles that answer for it to decide.
  private static let scopesApartFromAdministration: Set<String> = [
    "reidentification.request", "reidentification.approve", "reidentification.redeem",
    "reidentification.unfreeze",
    "vault.access", "consent.access", "features.access", "trainer.access", "vectors.access",
    // Who was touched is for those who tell them.
    "incident.people",
  ]

  /// The policy of the local stack.
  public init() {}

  /// Whether `peer` holds the scope that `method` asks for. An administrator holds every scope but
  /// those that uncover somebody, all about somebody, or who was touched; and whoever uses plain TCP,
  /// which must be switched on explicitly and on this machine, holds every one.
  public func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool {
    permits(peer, scope: method.scope)
  }

  /// Whether `peer` holds a scope: for handlers that ask for more than their method does.
  public func permits(_ peer: PeerIdentity, scope: String) -> Bool {
    if Self.scopesOfEverybody.contains(scope) { return true }
    return switch peer.kind {
    case .service: Self.scopesByService[peer.name]?.contains(scope) ?? false
    case .user where peer.role == "admin": !Self.scopesApartFromAdministration.contains(scope)
    case .user: Self.scopesByRole[peer.role]?.contains(scope) ?? false
    case .local: true
    }
  }
}
