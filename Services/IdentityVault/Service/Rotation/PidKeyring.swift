internal import Cryptography
internal import KeyManagement
internal import PrivacyCore
internal import Synchronization
internal import VaultAPI

/// The pid keys of every domain: the one in force, those before it, and the next one while a
/// rotation computes with it.
///
/// A domain's first key is derived under the version of the vault's own key whose number it has. A
/// later one has a number of its own in the purpose of its derivation, so that it can hang from any
/// version, the one of its predecessor too.
final class PidKeyring: Sendable {
  /// The keys of one domain.
  struct Keys: Sendable {
    /// What newcomers' pids are made with.
    let current: PseudonymDomain
    /// What people were recorded under before, the first one first.
    var former: [PseudonymDomain] = []
    /// What is given out while two pids are in force; `nil` at all other times.
    var window: RenamingWindow?
  }

  private struct State {
    var keys: [String: Keys] = [:]
    var next: [String: PseudonymDomain] = [:]
  }

  /// Whose pids these are.
  let tenant: String
  private let service: ServiceKeys
  private let state = Mutex(State())

  init(tenant: String, service: ServiceKeys) {
    self.tenant = tenant
    self.service = service
  }

  // MARK: - What is in force

  /// The keys of a domain of this start; `nil` for another one.
  subscript(domain: String) -> Keys? { state.withLock { $0.keys[domain] } }

  /// The names of the domains of this start.
  var domains: [String] { state.withLock { Array($0.keys.keys) } }

  /// The window of the domain whose people have two pids; `nil` where none is open.
  var window: RenamingWindow? {
    state.withLock { $0.keys.values.lazy.compactMap(\.window).first }
  }

  /// The key that a rotation computes with.
  func next(of domain: String) -> PseudonymDomain? { state.withLock { $0.next[domain] } }

  func setNext(_ next: PseudonymDomain?, of domain: String) {
    state.withLock { $0.next[domain] = next }
  }

  func set(_ keys: Keys, of domain: String) {
    state.withLock { $0.keys[domain] = keys }
  }

  /// From now on the renamings up to this number are in force everywhere.
  func confirm(_ renamings: UInt64, of domain: String) {
    state.withLock { $0.keys[domain]?.window?.confirmed = renamings }
  }

  // MARK: - Deriving

  /// The keys as a domain's record names them.
  func keys(of domain: String, _ record: DomainRecord) throws -> Keys {
    Keys(
      current: try key(
        of: domain, record, version: record.keyVersion, source: record.keySource),
      former: try record.formerKeyVersions.map {
        try key(of: domain, record, version: $0.keyVersion, source: $0.keySource)
      })
  }

  /// One key of a domain, by its number.
  ///
  /// - Parameter source: the version of the vault's own key that it hangs from; 0 for the domain's
  ///   first key.
  func key(
    of domain: String, _ record: DomainRecord, version: UInt32, source: UInt32
  ) throws -> PseudonymDomain {
    guard let email = CanonicalProfile(rawValue: record.emailProfile) else {
      throw VaultSetupError(
        description: "the pids of domain \(domain) are made with \(record.emailProfile)")
    }
    guard !record.oblivious else {
      return try PseudonymDomain(
        name: domain, emailProfile: email, keyVersion: version
      ) { profile -> ObliviousKey in
        try ObliviousKey(
          seed: service.secret(
            purpose: profile.obliviousKeyPurpose, tenant: tenant, domain: domain,
            version: version),
          info: Array(profile.rawValue.utf8))
      }
    }
    return try PseudonymDomain(
      name: domain, emailProfile: email, keyVersion: version
    ) { profile -> HMACKey in
      try service.hmacKey(
        purpose: Self.purpose(of: profile, version: version, source: source), tenant: tenant,
        domain: domain, version: source == 0 ? version : source)
    }
  }

  private static func purpose(
    of profile: CanonicalProfile, version: UInt32, source: UInt32
  ) -> String {
    source == 0 ? profile.keyPurpose : "\(profile.keyPurpose).key-\(version)"
  }

  /// The version of the vault's own key that a new pid key is to hang from: the newest one.
  var newestSource: UInt32 { service.currentVersion }
}

/// The time in which two pids are in force for one person, as far as answers depend on it.
struct RenamingWindow: Sendable {
  /// Whether the new pids are given out.
  let givesNew: Bool
  /// The renamings up to this number are in force at every gate.
  var confirmed: UInt64
}

/// The pid keys are not those that a call began with: it is to begin again with the present ones.
struct PidKeysChanged: Error {}
