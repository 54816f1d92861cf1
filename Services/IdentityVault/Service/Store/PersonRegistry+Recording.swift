internal import AuditLog
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import VaultAPI

/// Somebody to be recorded: a pid that nobody has yet, and the identifier that it was made of.
struct Newcomer: Sendable {
  let pid: PseudonymousID
  let identifier: CanonicalIdentifier

  /// Whether the address itself says that several people use it.
  var isLikelyShared: Bool {
    identifier.kind == .email
      && SharedAddress.isLikely(email: String(decoding: identifier.value, as: UTF8.self))
  }
}

extension PersonRegistry {
  // MARK: - New people

  /// Records those who are still unknown, all in one transaction with one audit entry, and answers
  /// for each whom the pid names now: `nil` for a person who was forgotten.
  func record(
    _ newcomers: [Newcomer], domain: String, keyVersion: UInt32, by principal: String
  ) async throws -> [PseudonymousID?] {
    // Keys are made and sealed here: the writer thread serves everybody.
    let made = try await keys.make(for: newcomers.map(\.pid))
    let now = time.now
    return try await store.write { transaction in
      var people: [PseudonymousID?] = []
      var recordedCount = 0
      for (newcomer, key) in zip(newcomers, made) {
        switch try Self.standing(of: newcomer.pid, in: transaction) {
        case .known(let person): people.append(person)
        case .forgotten: people.append(nil)
        case .unknown:
          let pid = newcomer.pid
          let person = PersonRecord(
            createdAtUs: now.microseconds, domain: domain, keyVersion: keyVersion)
          try transaction.put(VaultTables.people, pid, StoredMessage(person))
          try keys.put(key, in: &transaction)
          try transaction.put(
            VaultTables.identifiers, KeyPair(pid, 0),
            StoredMessage(
              Self.record(newcomer, provenance: principal, linkedAt: now)),
            under: key.identifierKey)
          people.append(pid)
          recordedCount += 1
        }
      }
      if recordedCount > 0 {
        try keys.noteSlots(of: made, in: &transaction)
        let entry = AuditEntry(
          principal: principal, action: "vault.record",
          details: [("domain", domain), ("people", "\(recordedCount)")])
        try audit.append(entry, in: &transaction)
      }
      return people
    }.value
  }

  // MARK: - Links

  /// Why a link was not made.
  enum LinkFailure: Error {
    case primaryUnknown
    case forgotten
    case mergeNeeded
    case tooManyIdentifiers
    case shared
  }

  /// Makes `alias` stand for the person whom `primary` names. Answers `false` where it did.
  func link(
    _ alias: Newcomer, to primary: Newcomer, provenance: String, isConfirmed: Bool,
    by principal: String
  ) async throws -> (person: PseudonymousID, isNew: Bool) {
    let now = time.now
    return try await store.write { transaction in
      let person: PseudonymousID
      switch try Self.standing(of: primary.pid, in: transaction) {
      case .known(let known): person = known
      case .forgotten: throw LinkFailure.forgotten
      case .unknown: throw LinkFailure.primaryUnknown
      }
      switch try Self.standing(of: alias.pid, in: transaction) {
      case .known(person): return (person, false)
      case .known: throw LinkFailure.mergeNeeded
      case .forgotten: throw LinkFailure.forgotten
      case .unknown: break
      }
      // An address of a family is nobody's in particular: not to be joined by itself.
      guard
        try isConfirmed
          || ![primary, alias].contains(where: {
            try $0.isLikelyShared || transaction.contains(VaultTables.shared, $0.pid)
          })
      else { throw LinkFailure.shared }
      let numbers = try transaction.keys(VaultTables.identifiers, .prefix(person))
      guard numbers.count < identifiersPerPersonMax else { throw LinkFailure.tooManyIdentifiers }
      let number = (numbers.last?.second ?? 0) + 1
      guard let key = try keys.identifierKey(of: person, in: transaction) else {
        throw LinkFailure.forgotten
      }
      try transaction.put(
        VaultTables.identifiers, KeyPair(person, number),
        StoredMessage(Self.record(alias, provenance: provenance, linkedAt: now)), under: key)
      try transaction.put(
        VaultTables.aliases, alias.pid, StoredMessage(AliasRecord(pid: person.bytes)))
      let entry = AuditEntry(
        principal: principal, action: "vault.link", pids: [person],
        details: [("provenance", provenance), ("confirmed", "\(isConfirmed)")])
      try audit.append(entry, in: &transaction)
      return (person, true)
    }.value
  }

  private static func record(
    _ newcomer: Newcomer, provenance: String, linkedAt: Timestamp
  ) -> IdentifierRecord {
    let identifier = newcomer.identifier
    return IdentifierRecord(
      kind: identifier.kind, profile: identifier.profile.rawValue,
      value: String(decoding: identifier.value, as: UTF8.self), source: identifier.source,
      provenance: provenance, linkedAtUs: linkedAt.microseconds, pid: newcomer.pid.bytes)
  }
}
