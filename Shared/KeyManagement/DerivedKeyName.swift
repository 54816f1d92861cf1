/// Names a key that hangs from a version of a service's key: what it is used as, for which purpose,
/// tenant and domain. Part of the key's derivation, and no secret.
public struct DerivedKeyName: Hashable, Comparable, Codable, Sendable, CustomStringConvertible {
  /// What a derived key is used as, so that one purpose's name never gives the same bytes to two
  /// algorithms.
  public enum Use: String, Codable, Sendable {
    case sealing
    case hashing
    case signing
    case secret
    /// What keys are derived from that nobody asked for before their version was destroyed.
    case heir
  }

  /// What the key is used as.
  public let use: Use
  /// What it is for.
  public let purpose: String
  /// Whose it is; often empty.
  public let tenant: String
  /// The part of the tenant's; often empty.
  public let domain: String

  init(_ use: Use, purpose: String, tenant: String = "", domain: String = "") {
    self.use = use
    self.purpose = purpose
    self.tenant = tenant
    self.domain = domain
  }

  /// For people: `hashing email/v1 of tenant t, domain d`.
  public var description: String {
    var text = "\(use.rawValue) \(purpose)"
    if !tenant.isEmpty { text += " of \(tenant)" }
    if !domain.isEmpty { text += " in \(domain)" }
    return text
  }

  private var fields: [String] { [use.rawValue, purpose, tenant, domain] }

  public static func < (left: Self, right: Self) -> Bool {
    left.fields.lexicographicallyPrecedes(right.fields)
  }
}

/// One version of a service's key, without the key.
public struct ServiceKeyVersion: Hashable, Sendable {
  /// What a version is good for.
  public enum State: String, Codable, Sendable {
    /// Seals and opens.
    case active
    /// Opens what was sealed before.
    case retired
    /// Is gone: what it sealed can be opened by nobody any more.
    case destroyed
  }

  /// Its number, from 1.
  public let version: UInt32
  /// What it is good for.
  public let state: State
  /// When it was made, as text.
  public let createdAt: String
  /// When it was destroyed, as text; empty where it was not.
  public let destroyedAt: String
  /// The keys derived from it that were kept by themselves when it was destroyed.
  public let kept: [DerivedKeyName]
}
