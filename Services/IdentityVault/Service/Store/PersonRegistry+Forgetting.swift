internal import AuditLog
internal import Cryptography
internal import Logging
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import VaultAPI

extension PersonRegistry {
  /// Somebody to forget, and the position of the erasure in the consent log.
  typealias Leaving = (pid: PseudonymousID, erasureSequence: UInt64)

  /// Destroys what the vault holds of the people whom these pids name, in one transaction and one
  /// epoch, and makes sure that neither a person's pid nor an alias is recorded again. The second
  /// time answers as the first did. Returns when the subject keys are destroyed, in old backups too.
  ///
  /// - Throws: as `SubjectKeyKeeper.destroying` does; then nobody is forgotten.
  func forget(_ people: [Leaving], by principal: String) async throws -> [ForgottenRecord] {
    let earlier = try store.read { snapshot in
      try people.compactMap { try snapshot.get(VaultTables.forgotten, $0.pid)?.message }
    }
    if earlier.count == people.count, earlier.allSatisfy({ !keys.isPending($0.keyEpoch) }) {
      return earlier
    }
    let now = time.now
    return try await keys.destroying { transaction, epoch in
      var tombstones: [ForgottenRecord] = []
      // Whose rows are gone, or cannot be read: looked for once, for everybody.
      var lostAliases: [PseudonymousID: [PseudonymousID]]?
      for person in people {
        tombstones.append(
          try forget(
            person.pid,
            as: ForgottenRecord(
              forgottenAtUs: now.microseconds, erasureSequence: person.erasureSequence,
              keyEpoch: epoch),
            by: principal, in: &transaction
          ) { transaction in
            if let lostAliases { return lostAliases }
            let persons = try people.map { try Self.person($0.pid, in: transaction) ?? $0.pid }
            let found = try Self.aliases(of: Set(persons), in: transaction)
            lostAliases = found
            return found
          })
      }
      return tombstones
    }
  }

  private func forget(
    _ pid: PseudonymousID, as tombstone: ForgottenRecord, by principal: String,
    in transaction: inout WriteTransaction,
    lostAliases: (borrowing WriteTransaction) throws -> [PseudonymousID: [PseudonymousID]]
  ) throws -> ForgottenRecord {
    if let earlier = try transaction.get(VaultTables.forgotten, pid)?.message { return earlier }
    let person = try Self.person(pid, in: transaction) ?? pid
    var aliases: [PseudonymousID] = []
    if try transaction.contains(VaultTables.people, person),
      let key = try keys.identifierKey(of: person, in: transaction)
    {
      let rows = try transaction.rows(VaultTables.identifiers, .prefix(person), under: key)
      aliases = rows.compactMap { PseudonymousID(bytes: $0.value.message.pid) }
    } else {
      aliases = try lostAliases(transaction)[person] ?? []
    }
    return try bury(person, aliases: aliases, as: tombstone, by: principal, in: &transaction)
  }

  /// Forgets everybody whose key the file of the key tree has destroyed, though the store does not
  /// know: before anybody is answered. Answers how many that were.
  @discardableResult
  func forgetLost(log: Logger) async throws -> Int {
    let people = try keys.lostPeople()
    guard !people.isEmpty else { return 0 }
    // Their identifiers cannot be read any more, and so do not tell their other names.
    let aliases = try store.read { try Self.aliases(of: Set(people), in: $0) }
    let epoch = keys.figures.epoch
    let now = time.now
    for start in stride(from: 0, to: people.count, by: Self.lostAtOnce) {
      let some = people[start..<min(people.count, start + Self.lostAtOnce)]
      try await store.write { transaction in
        for person in some {
          try bury(
            person, aliases: aliases[person] ?? [],
            as: ForgottenRecord(forgottenAtUs: now.microseconds, keyEpoch: epoch),
            by: Self.finder, in: &transaction)
        }
      }
    }
    log.warning(
      "people were forgotten again: their keys are destroyed, and the store had them still",
      metadata: ["people": "\(people.count)", "epoch": "\(epoch)"])
    return people.count
  }

  /// Who forgets people that a backup has brought back.
  private static let finder = "tacit:key-tree"
  /// So many of them are forgotten in one transaction.
  private static let lostAtOnce = 256

  /// The other names of these people: a walk over all aliases.
  private static func aliases(
    of people: Set<PseudonymousID>, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> [PseudonymousID: [PseudonymousID]] {
    var aliases: [PseudonymousID: [PseudonymousID]] = [:]
    try reader.scan(VaultTables.aliases) { alias, value in
      guard let person = PseudonymousID(bytes: value.message.pid) else {
        throw StoreError.corrupted("an alias names no person")
      }
      if people.contains(person) { aliases[person, default: []].append(alias) }
      return .next
    }
    return aliases
  }

  /// Leaves a tombstone under a pid, and under the other one while a rotation knows it: also under
  /// one that nobody has seen yet.
  private static func mark(
    _ pid: PseudonymousID, _ tombstone: ForgottenRecord, in transaction: inout WriteTransaction
  ) throws {
    try transaction.put(VaultTables.forgotten, pid, StoredMessage(tombstone))
    guard try rotation(in: transaction)?.isRunning == true,
      let other = try otherName(of: pid, in: transaction)
    else { return }
    try transaction.put(VaultTables.forgotten, other, StoredMessage(tombstone))
  }

  /// Removes a person's rows, gives the slot up and leaves tombstones.
  @discardableResult
  private func bury(
    _ person: PseudonymousID, aliases: [PseudonymousID], as tombstone: ForgottenRecord,
    by principal: String, in transaction: inout WriteTransaction
  ) throws -> ForgottenRecord {
    var tombstone = tombstone
    let identifierCount = try transaction.delete(VaultTables.identifiers, .prefix(person))
    let epoch = tombstone.keyEpoch
    tombstone.identifiersRemoved = UInt32(identifierCount)
    tombstone.keyDestroyed = try keys.giveUp(person, in: &transaction)
    if !tombstone.keyDestroyed { tombstone.keyEpoch = 0 }
    for alias in aliases where alias != person {
      try transaction.delete(VaultTables.aliases, alias)
      try Self.mark(alias, tombstone, in: &transaction)
    }
    try removeRow(of: person, in: &transaction)
    try Self.mark(person, tombstone, in: &transaction)
    let entry = AuditEntry(
      principal: principal, action: "vault.forget", pids: [person],
      details: [
        ("erasure_sequence", "\(tombstone.erasureSequence)"),
        ("identifiers", "\(identifierCount)"), ("key_destroyed", "\(tombstone.keyDestroyed)"),
        ("key_epoch", "\(tombstone.keyDestroyed ? epoch : 0)"),
      ])
    try audit.append(entry, in: &transaction)
    return tombstone
  }
}
