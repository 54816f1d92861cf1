package import Cryptography
package import PrivacyCore

/// A pseudonym domain: the keys that make pids in it. The same identifier has another pid in
/// another domain, and nobody without the keys can tell that the two belong together.
package struct PseudonymDomain: Sendable {
  /// The name: `NameRule`.
  package let name: String
  /// How e-mail addresses become canonical.
  package let emailProfile: CanonicalProfile
  /// The version of the keys.
  package let keyVersion: UInt32

  /// What makes pids: a key for each profile that the domain uses.
  private enum Keys {
    case hashing([CanonicalProfile: HMACKey])
    case oblivious([CanonicalProfile: ObliviousKey])
  }

  private let keys: Keys

  /// A domain whose pids are HMACs.
  package init(
    name: String, emailProfile: CanonicalProfile, keyVersion: UInt32,
    key: (CanonicalProfile) throws -> HMACKey
  ) rethrows {
    self.name = name
    self.emailProfile = emailProfile
    self.keyVersion = keyVersion
    keys = .hashing(try Self.keys(emailProfile, key))
  }

  /// A domain whose pids are values of the oblivious function.
  package init(
    name: String, emailProfile: CanonicalProfile, keyVersion: UInt32,
    obliviousKey: (CanonicalProfile) throws -> ObliviousKey
  ) rethrows {
    self.name = name
    self.emailProfile = emailProfile
    self.keyVersion = keyVersion
    keys = .oblivious(try Self.keys(emailProfile, obliviousKey))
  }

  private static func keys<Key>(
    _ emailProfile: CanonicalProfile, _ key: (CanonicalProfile) throws -> Key
  ) rethrows -> [CanonicalProfile: Key] {
    var keys: [CanonicalProfile: Key] = [:]
    for profile in [emailProfile, .phoneE164V1, .customerNumberV1] {
      keys[profile] = try key(profile)
    }
    return keys
  }

  /// Whether pids are values of the oblivious function, and cost 85 µs instead of one.
  package var isOblivious: Bool {
    switch keys {
    case .hashing: false
    case .oblivious: true
    }
  }

  /// The key of the oblivious function for a profile; `nil` where the domain has none.
  func obliviousKey(of profile: CanonicalProfile) -> ObliviousKey? {
    switch keys {
    case .hashing: nil
    case .oblivious(let keys): keys[profile]
    }
  }

  /// The pid under the key of the identifier's profile: HMAC-SHA256 of the canonical identifier, or
  /// the oblivious function's value for it.
  package func pid(
    of identifier: CanonicalIdentifier
  ) throws(CryptographyError) -> PseudonymousID {
    let code: [UInt8]?
    switch keys {
    case .hashing(let keys):
      code = try keys[identifier.profile]?.authenticate(identifier.authenticatedBytes)
    case .oblivious(let keys):
      code = try keys[identifier.profile]?.output(of: identifier.authenticatedBytes)
    }
    guard let code else {
      preconditionFailure("the domain has no key for the profile \(identifier.profile.rawValue)")
    }
    guard let pid = PseudonymousID(bytes: code) else {
      preconditionFailure("a code has as many bytes as a pid")
    }
    return pid
  }
}
