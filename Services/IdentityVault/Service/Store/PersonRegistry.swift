internal import AuditLog
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import VaultAPI

/// Who is who: the only code that knows the vault's tables.
struct PersonRegistry: Sendable {
  let store: SealedStore
  let audit: AuditLog
  let keys: SubjectKeyKeeper
  let keyring: PidKeyring
  let known: KnownPeople
  let identifiersPerPersonMax: Int
  let time: any TimeSource
  let random: any RandomSource

  /// What the vault knows of a pid.
  enum Standing: Equatable {
    /// A person, or an alias of this person.
    case known(PseudonymousID)
    /// A person who was forgotten, or an alias of one.
    case forgotten
    /// Nobody.
    case unknown
  }

  static func standing(
    of pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> Standing {
    if let person = try person(pid, in: reader) { return .known(person) }
    return try reader.contains(VaultTables.forgotten, pid) ? .forgotten : .unknown
  }

  /// The person whom `pid` names, directly, as an alias, or by the person's other pid while pid keys
  /// are rotated. One look-up that opens nothing for a person's own pid.
  static func person(
    _ pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PseudonymousID? {
    if let person = try holder(of: pid, in: reader) { return person }
    return try nameInForce(besides: pid, in: reader).flatMap { try holder(of: $0, in: reader) }
  }

  /// The person whose rows stand under `pid`, or whose alias stands there.
  private static func holder(
    of pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PseudonymousID? {
    if try reader.contains(VaultTables.people, pid) { return pid }
    guard let alias = try reader.get(VaultTables.aliases, pid)?.message else { return nil }
    guard let person = PseudonymousID(bytes: alias.pid) else {
      throw StoreError.corrupted("an alias names no person")
    }
    return person
  }

  // MARK: - Reading

  /// For each pid the person whom it names, or `nil`: from memory, or as of one moment.
  func people(_ pids: [PseudonymousID?]) throws -> [PseudonymousID?] {
    var people = known.found(pids)
    let rest = pids.indices.filter { people[$0] == nil && pids[$0] != nil }
    guard !rest.isEmpty else { return people }
    let sequence = try store.read { snapshot in
      for index in rest {
        if let pid = pids[index] { people[index] = try Self.person(pid, in: snapshot) }
      }
      return snapshot.sequence
    }
    // Aliases and second names may come to mean somebody else: they are asked for each time.
    let own = rest.compactMap { people[$0] == pids[$0] ? pids[$0] : nil }
    known.insert(own, at: sequence)
    return people
  }

  /// Takes the row of a person away.
  func removeRow(of person: PseudonymousID, in transaction: inout WriteTransaction) throws {
    known.willRemove(person, at: transaction.sequence)
    try transaction.delete(VaultTables.people, person)
  }

  /// What the vault tells about a person, without a value; `nil` for nobody.
  func description(of pid: PseudonymousID) throws -> ShowReply? {
    try store.read { snapshot in
      switch try Self.standing(of: pid, in: snapshot) {
      case .unknown: return nil
      case .forgotten: return ShowReply(forgotten: true)
      case .known(let person):
        guard let key = try keys.identifierKey(of: person, in: snapshot) else {
          return ShowReply(forgotten: true)
        }
        let rows = try snapshot.rows(VaultTables.identifiers, .prefix(person), under: key)
        return ShowReply(
          identifiers: rows.map { row in
            let record = row.value.message
            return LinkedIdentifier(
              kind: record.kind, provenance: record.provenance, linkedAtUs: record.linkedAtUs,
              mergedBy: record.merges.last?.provenance ?? "")
          },
          hasSubjectKey: try snapshot.contains(VaultTables.subjectKeys, person))
      }
    }
  }

  /// Up to `limit` pids of people who were forgotten, and of their aliases, behind `after`.
  func forgotten(after: PseudonymousID?, limit: Int) throws -> [PseudonymousID] {
    try store.read { snapshot in
      let range = after.map { KeyRange<PseudonymousID>.from($0) } ?? .all
      let found = try snapshot.keys(VaultTables.forgotten, range, limit: limit + 1)
      return Array(found.drop { $0 == after }.prefix(limit))
    }
  }

  /// How many rows there are of whom `pid` is itself, under both names while there are two: the
  /// person, the key, the identifiers.
  func rowCount(of pid: PseudonymousID) throws -> Int {
    try store.read { snapshot in
      let names = [pid] + [try Self.nameInForce(besides: pid, in: snapshot)].compactMap(\.self)
      return try names.reduce(0) { count, name in
        try count + snapshot.keys(VaultTables.identifiers, .prefix(name)).count
          + (snapshot.contains(VaultTables.people, name) ? 1 : 0)
          + (snapshot.contains(VaultTables.subjectKeys, name) ? 1 : 0)
      }
    }
  }

  /// How many people, aliases and forgotten pids there are: a walk over their keys.
  func counts() throws -> (people: Int, aliases: Int, forgotten: Int) {
    try store.read { snapshot in
      (
        try snapshot.count(VaultTables.people), try snapshot.count(VaultTables.aliases),
        try snapshot.count(VaultTables.forgotten)
      )
    }
  }

  // MARK: - Domains

  /// Whether the pids in the store were made for somebody else than `tenant`.
  func belongsToAnother(than tenant: String) throws -> Bool {
    try store.read { try $0.keys(VaultTables.domains).contains { $0.first != tenant } }
  }

  /// Remembers how the pids of a domain are made, or answers how they were made from the start.
  func settle(
    _ domain: String, of tenant: String, as record: DomainRecord
  ) async throws -> DomainRecord {
    let key = KeyPair(tenant, domain)
    let found = try store.read { try $0.get(VaultTables.domains, key)?.message }
    if let found { return found }
    return try await store.write { transaction in
      try transaction.put(VaultTables.domains, key, StoredMessage(record))
      return record
    }.value
  }
}
