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
    case hashing(ProfileKeys<HMACKey>)
    case oblivious(ProfileKeys<ObliviousKey>)
  }

  /// A key for each profile that the domain uses.
  private struct ProfileKeys<Key: Sendable>: Sendable {
    let emailProfile: CanonicalProfile
    let email: Key
    let phone: Key
    let customerNumber: Key

    init(_ emailProfile: CanonicalProfile, _ key: (CanonicalProfile) throws -> Key) rethrows {
      self.emailProfile = emailProfile
      email = try key(emailProfile)
      phone = try key(.phoneE164V1)
      customerNumber = try key(.customerNumberV1)
    }

    subscript(profile: CanonicalProfile) -> Key? {
      switch profile {
      case .phoneE164V1: phone
      case .customerNumberV1: customerNumber
      default: profile == emailProfile ? email : nil
      }
    }
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
    keys = .hashing(try ProfileKeys(emailProfile, key))
  }

  /// A domain whose pids are values of the oblivious function.
  package init(
    name: String, emailProfile: CanonicalProfile, keyVersion: UInt32,
    obliviousKey: (CanonicalProfile) throws -> ObliviousKey
  ) rethrows {
    self.name = name
    self.emailProfile = emailProfile
    self.keyVersion = keyVersion
    keys = .oblivious(try ProfileKeys(emailProfile, obliviousKey))
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
    switch keys {
    case .hashing(let keys):
      guard let key = keys[identifier.profile] else { break }
      return PseudonymousID(words: try key.authenticateWords(identifier.authenticatedBytes))
    case .oblivious(let keys):
      guard let key = keys[identifier.profile] else { break }
      guard let pid = PseudonymousID(bytes: try key.output(of: identifier.authenticatedBytes))
      else { preconditionFailure("a value of the function has as many bytes as a pid") }
      return pid
    }
    preconditionFailure("the domain has no key for the profile \(identifier.profile.rawValue)")
  }
}
