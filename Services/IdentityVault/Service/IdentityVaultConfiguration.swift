package import Foundation
internal import PrivacyCore

/// The settings of the identity vault.
package struct IdentityVaultConfiguration: Sendable {
  /// The pseudonym domains that callers may name, 1 to 64. The first is meant where a caller names
  /// none.
  package var domains = ["default"]
  /// Further domains, whose pids are values of the oblivious function: a partner of this name can
  /// get them without showing identifiers to the vault. With the others 64 at most. A domain stays
  /// what it began as.
  package var obliviousDomains: [String] = []
  /// How e-mail addresses become canonical in domains that are used for the first time. A domain
  /// keeps the profile it began with: to ask for another one is refused at the start.
  package var emailProfile = CanonicalProfile.emailV1
  /// Whose pids these are: part of the pseudonym keys, up to 256 bytes. Empty for one's own.
  package var tenant = ""
  /// The most identifiers in one batch, 1 to 4,096.
  package var identifiersPerBatchMax = 4_096
  /// The most identifiers of one person, 1 to 1,024.
  package var identifiersPerPersonMax = 64
  /// The people who are known in memory, so that look-ups of them do not go to the store, 0 to
  /// 10,000,000.
  package var cachedPersonCountMax = 250_000
  /// How much callers without batches may ask for.
  package var singleLimits = CallerLimits.single
  /// How much callers that own batches may ask for.
  package var batchLimits = CallerLimits.batch
  /// How much partners may ask for in their oblivious domains.
  package var partnerLimits = CallerLimits.partner
  /// The file that holds the cover of the key tree, outside the store and its backups; `nil` for
  /// `subject-keys.epoch` beside the service's keys.
  package var subjectKeyFile: URL?
  /// The way back to identifiers.
  package var reidentification = ReidentificationConfiguration()

  /// The defaults.
  package init() {}

  /// What is wrong with it, or `nil`.
  package var fault: String? {
    let names = domains + obliviousDomains
    if domains.isEmpty || names.count > 64 {
      return "1 to 64 pseudonym domains can be configured, not \(names.count)"
    }
    if Set(names).count != names.count { return "a pseudonym domain is configured twice" }
    if let name = names.first(where: { !NameRule.accepts($0) }) {
      return "\"\(name)\" is no name for a domain: a lower-case letter, then letters, digits, _ - ."
    }
    if !CanonicalProfile.emailProfiles.contains(emailProfile) {
      return "\(emailProfile.rawValue) is no e-mail profile"
    }
    if tenant.utf8.count > 256 { return "the tenant has more than 256 bytes" }
    if !(1...4_096).contains(identifiersPerBatchMax) {
      return "a batch holds 1 to 4,096 identifiers, not \(identifiersPerBatchMax)"
    }
    if !(1...1_024).contains(identifiersPerPersonMax) {
      return "a person has 1 to 1,024 identifiers, not \(identifiersPerPersonMax)"
    }
    if !(0...10_000_000).contains(cachedPersonCountMax) {
      return "0 to 10,000,000 people can be kept in memory, not \(cachedPersonCountMax)"
    }
    return singleLimits.fault ?? batchLimits.fault ?? partnerLimits.fault
      ?? reidentification.fault
  }
}
