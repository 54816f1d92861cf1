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

  private let keys: [CanonicalProfile: HMACKey]

  /// A domain with a key for each profile that it uses.
  package init(
    name: String, emailProfile: CanonicalProfile, keyVersion: UInt32,
    key: (CanonicalProfile) throws -> HMACKey
  ) rethrows {
    self.name = name
    self.emailProfile = emailProfile
    self.keyVersion = keyVersion
    var keys: [CanonicalProfile: HMACKey] = [:]
    for profile in [emailProfile, .phoneE164V1, .customerNumberV1] {
      keys[profile] = try key(profile)
    }
    self.keys = keys
  }

  /// The pid: HMAC-SHA256 of the canonical identifier under the key of its profile.
  package func pid(
    of identifier: CanonicalIdentifier
  ) throws(CryptographyError) -> PseudonymousID {
    guard let key = keys[identifier.profile] else {
      preconditionFailure("the domain has no key for the profile \(identifier.profile.rawValue)")
    }
    let code = try key.authenticate(identifier.authenticatedBytes)
    guard let pid = PseudonymousID(bytes: code) else {
      preconditionFailure("a code has as many bytes as a pid")
    }
    return pid
  }
}
