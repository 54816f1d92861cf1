internal import AuditLog
internal import Cryptography
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import VaultAPI

/// Somebody to be recorded: a pid that nobody has yet, and the identifier that it was made of.
struct Newcomer: Sendable {
  let pid: PseudonymousID
  let identifier: CanonicalIdentifier
  /// The pids of the same identifier under the keys before, where a rotation has replaced any: by
  /// one of them the person may have been forgotten.
  let formerPIDs: [PseudonymousID]

  /// About a microsecond for each key that was replaced.
  init(
    pid: PseudonymousID, identifier: CanonicalIdentifier, keys: PidKeyring.Keys
  ) throws(CryptographyError) {
    self.pid = pid
    self.identifier = identifier
    var formerPIDs: [PseudonymousID] = []
    for key in keys.former { formerPIDs.append(try key.pid(of: identifier)) }
    self.formerPIDs = formerPIDs
  }

  /// What the vault knows of somebody with this identifier: also under a former pid, where the person
  /// was forgotten by it.
  func standing(
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PersonRegistry.Standing {
    let standing = try PersonRegistry.standing(of: pid, in: reader)
    guard standing == .unknown else { return standing }
    for former in formerPIDs where try reader.contains(VaultTables.forgotten, former) {
      return .forgotten
    }
    return .unknown
  }

  /// Whether the identifier is marked as one that several people use.
  func isMarkedShared(in reader: borrowing some StoreReading & ~Copyable) throws -> Bool {
    for pid in [pid] + formerPIDs where try reader.contains(VaultTables.shared, pid) {
      return true
    }
    return false
  }

  /// A mark from before the newcomer was known comes under the present pid.
  func takeMark(in transaction: inout WriteTransaction) throws {
    for former in formerPIDs {
      try PersonRegistry.moveMark(from: former, to: pid, in: &transaction)
    }
  }

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
  ///
  /// - Throws: `PidKeysChanged`, and then nobody was recorded.
  func record(
    _ newcomers: [Newcomer], keys domain: PidKeyring.Keys, by principal: String
  ) async throws -> [PseudonymousID?] {
    // Keys are made and sealed here: the writer thread serves everybody.
    let made = try await keys.make(for: newcomers.map(\.pid))
    let now = time.now
    return try await store.write { transaction in
      var people: [PseudonymousID?] = []
      var recordedCount = 0
      var naming = try rotationNaming(domain, in: transaction)
      for (newcomer, key) in zip(newcomers, made) {
        switch try newcomer.standing(in: transaction) {
        case .known(let person): people.append(person)
        case .forgotten: people.append(nil)
        case .unknown:
          let pid = newcomer.pid
          let person = PersonRecord(
            createdAtUs: now.microseconds, domain: domain.current.name,
            keyVersion: domain.current.keyVersion)
          try transaction.put(VaultTables.people, pid, StoredMessage(person))
          try Self.name(newcomer, &naming, in: &transaction)
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
        if let naming { try Self.put(naming.record, in: &transaction) }
        let entry = AuditEntry(
          principal: principal, action: "vault.record",
          details: [("domain", domain.current.name), ("people", "\(recordedCount)")])
        try audit.append(entry, in: &transaction)
      }
      return people
    }.value
  }

  /// Gives a newcomer the next pid where a rotation asks for it.
  private static func name(
    _ newcomer: Newcomer, _ naming: inout (record: PidRotationRecord, next: PseudonymDomain)?,
    in transaction: inout WriteTransaction
  ) throws {
    try newcomer.takeMark(in: &transaction)
    guard let next = naming?.next else { return }
    let pid = try next.pid(of: newcomer.identifier)
    if var record = naming?.record {
      try appendRenaming(newcomer.pid, pid, &record, in: &transaction)
      naming?.record = record
    }
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
  ///
  /// - Throws: `LinkFailure`; `PidKeysChanged`, and then nothing was linked.
  func link(
    _ alias: Newcomer, to primary: Newcomer, keys domain: PidKeyring.Keys, provenance: String,
    isConfirmed: Bool, by principal: String
  ) async throws -> (person: PseudonymousID, isNew: Bool) {
    let now = time.now
    return try await store.write { transaction in
      var naming = try rotationNaming(domain, in: transaction)
      let person: PseudonymousID
      switch try primary.standing(in: transaction) {
      case .known(let known): person = known
      case .forgotten: throw LinkFailure.forgotten
      case .unknown: throw LinkFailure.primaryUnknown
      }
      switch try alias.standing(in: transaction) {
      case .known(person): return (person, false)
      case .known: throw LinkFailure.mergeNeeded
      case .forgotten: throw LinkFailure.forgotten
      case .unknown: break
      }
      // An address of a family is nobody's in particular: not to be joined by itself.
      guard
        try isConfirmed
          || ![primary, alias].contains(where: {
            try $0.isLikelyShared || $0.isMarkedShared(in: transaction)
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
      try Self.name(alias, &naming, in: &transaction)
      if let naming { try Self.put(naming.record, in: &transaction) }
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
