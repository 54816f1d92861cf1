/// How an identifier becomes its canonical form. A profile never changes: another rule is another
/// profile, with another key, so that no person is split in two without anybody noticing.
package enum CanonicalProfile: String, CaseIterable, Sendable {
  /// Trimmed, NFC, lower-case, IDNA domain, checked. The default for e-mail addresses.
  case emailV1 = "email/v1"
  /// Python's `str.lower()` and nothing else: the profile of existing pids.
  case emailSeed = "email/seed"
  /// UID2's normalisation, for partners who match with it.
  case emailUID2 = "email/uid2"
  /// E.164 digits behind a plus sign.
  case phoneE164V1 = "phone/e164-v1"
  /// A customer number of one source system.
  case customerNumberV1 = "customer-number/v1"

  /// Those that a domain can choose between.
  package static let emailProfiles: [CanonicalProfile] = [.emailV1, .emailSeed, .emailUID2]

  /// The purpose of the pseudonym key: part of the key's derivation.
  package var keyPurpose: String {
    switch self {
    case .emailV1: "pseudonym.email-v1"
    case .emailSeed: "pseudonym.email-seed"
    case .emailUID2: "pseudonym.email-uid2"
    case .phoneE164V1: "pseudonym.phone-e164-v1"
    case .customerNumberV1: "pseudonym.customer-number-v1"
    }
  }

  /// The purpose of the key in a domain of oblivious pseudonyms.
  package var obliviousKeyPurpose: String { "oblivious-" + keyPurpose }
}
