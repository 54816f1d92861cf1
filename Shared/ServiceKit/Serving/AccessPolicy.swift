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
    "consent": ["vault.forget"],
    "vault": [],
    "features": ["consent.gate", "vault.subject_keys"],
    "trainer": ["consent.gate", "features.read", "features.train"],
    "vectors": ["consent.gate", "vault.subject_keys", "features.read", "trainer.read"],
    "pipeline": [
      "vault.pseudonymize", "consent.read", "consent.write", "consent.import", "features.define",
      "features.read", "features.write", "vectors.publish",
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
      "vault.pseudonymize", "vault.show", "trainer.read", "trainer.budget",
    ],
    "witness": ["audit.cosign"],
  ]

  /// The policy of the local stack.
  public init() {}

  /// Whether `peer` holds the scope that `method` asks for. An administrator holds every scope,
  /// and so does whoever uses plain TCP on this machine, which must be switched on explicitly.
  public func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool {
    if Self.scopesOfEverybody.contains(method.scope) { return true }
    return switch peer.kind {
    case .service: Self.scopesByService[peer.name]?.contains(method.scope) ?? false
    case .user where peer.role == "admin": true
    case .user: Self.scopesByRole[peer.role]?.contains(method.scope) ?? false
    case .local: true
    }
  }
}
