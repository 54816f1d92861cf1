internal import AuditLog
internal import Cryptography
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import VaultAPI

extension PersonRegistry {
  /// A row of an identifier.
  private typealias Row = (key: KeyPair<PseudonymousID, UInt32>, record: IdentifierRecord)

  // MARK: - Merging

  /// Makes `merged` another name of `survivor`. Its subject key is destroyed and its identifiers move,
  /// each with the word of where it came from, so that it can be split off again.
  ///
  /// - Throws: `VaultRefusal`; as `SubjectKeyKeeper.destroying` does.
  func merge(
    _ merged: PseudonymousID, into survivor: PseudonymousID, provenance: String,
    isConfirmed: Bool, by principal: String
  ) async throws -> (person: PseudonymousID, movedCount: Int) {
    let now = time.now
    return try await keys.destroying { transaction, _ in
      var winner = try Self.known(survivor, in: transaction)
      var loser = try Self.known(merged, in: transaction)
      if winner == loser { return (winner, 0) }
      // What is joined must not lie under pids of two keys.
      winner = try settled(winner, in: &transaction)
      loser = try settled(loser, in: &transaction)
      guard
        try transaction.get(VaultTables.people, winner)?.message.domain
          == transaction.get(VaultTables.people, loser)?.message.domain
      else { throw VaultRefusal.otherDomain }
      let key = try identifierKey(of: winner, in: transaction)
      let kept = try Self.rows(of: winner, under: key, in: transaction)
      let moving = try Self.rows(
        of: loser, under: identifierKey(of: loser, in: transaction), in: transaction)
      if !isConfirmed {
        // Two people with one address look like one person: that is the mistake to make here.
        guard try !(kept + moving).contains(where: { try isShared($0.record, in: transaction) })
        else { throw VaultRefusal.sharedIdentifier }
        guard kept.count < 2 || moving.count < 2 else { throw VaultRefusal.bothHaveSeveral }
      }
      guard kept.count + moving.count <= identifiersPerPersonMax else {
        throw VaultRefusal.tooManyLinks(limit: identifiersPerPersonMax)
      }
      let step = MergeRecord(
        from: loser.bytes, provenance: provenance, mergedAtUs: now.microseconds)
      try name(kept + moving, in: &transaction)
      try Self.move(moving, to: winner, under: key, behind: kept, in: &transaction) {
        $0.merges.append(step)
      }
      try transaction.put(
        VaultTables.aliases, loser, StoredMessage(AliasRecord(pid: winner.bytes)))
      try removeRow(of: loser, in: &transaction)
      _ = try keys.giveUp(loser, in: &transaction)
      let entry = AuditEntry(
        principal: principal, action: "vault.merge", pids: [winner, loser],
        details: [
          ("provenance", provenance), ("identifiers", "\(moving.count)"),
          ("confirmed", "\(isConfirmed)"),
        ])
      try audit.append(entry, in: &transaction)
      return (winner, moving.count)
    }
  }

  // MARK: - Splitting

  /// Makes a linked or merged pid a person again, with a new subject key and all that came with it.
  func split(
    _ pid: PseudonymousID, provenance: String, by principal: String
  ) async throws -> (person: PseudonymousID, movedCount: Int) {
    let now = time.now
    let pid = try store.read { try Self.presentName(of: pid, in: $0) }
    let made = try await keys.make(for: [pid])
    return try await store.write { transaction in
      // The key was made for this name; a rotation that has gone on meanwhile asks for the other one.
      guard try Self.presentName(of: pid, in: transaction) == pid else { throw PidKeysChanged() }
      let person = try settled(Self.known(pid, in: transaction), in: &transaction)
      guard person != pid, let former = try transaction.get(VaultTables.people, person)?.message,
        let key = made.first
      else { throw VaultRefusal.notLinked }
      let rows = try Self.rows(
        of: person, under: identifierKey(of: person, in: transaction), in: transaction)
      let leaving = rows.filter { row in
        row.record.pid == pid.bytes || row.record.merges.contains { $0.from == pid.bytes }
      }
      // Nothing of a person's first identifier: it is what the pid was made of.
      guard !leaving.isEmpty, !leaving.contains(where: { $0.record.pid == person.bytes }) else {
        throw VaultRefusal.notLinked
      }
      try name(rows, in: &transaction)
      try transaction.delete(VaultTables.aliases, pid)
      try transaction.put(
        VaultTables.people, pid,
        StoredMessage(
          PersonRecord(
            createdAtUs: now.microseconds, domain: former.domain, keyVersion: former.keyVersion)))
      try keys.put(key, in: &transaction)
      try keys.noteSlots(of: made, in: &transaction)
      try Self.move(
        leaving, to: pid, under: key.identifierKey, behind: [], in: &transaction
      ) { record in
        let end = record.merges.firstIndex { $0.from == pid.bytes } ?? 0
        record.merges.removeSubrange(end...)
      }
      let entry = AuditEntry(
        principal: principal, action: "vault.split", pids: [person, pid],
        details: [("provenance", provenance), ("identifiers", "\(leaving.count)")])
      try audit.append(entry, in: &transaction)
      return (person, leaving.count)
    }.value
  }

  // MARK: - Shared identifiers

  /// Remembers whether several people use an identifier. Answers whether that is new.
  func mark(
    _ identifier: Newcomer, asShared isShared: Bool, provenance: String, by principal: String
  ) async throws -> Bool {
    let now = time.now
    let pid = identifier.pid
    return try await store.write { transaction in
      guard try identifier.isMarkedShared(in: transaction) != isShared else { return false }
      if isShared {
        let record = SharedRecord(provenance: provenance, markedAtUs: now.microseconds)
        try transaction.put(VaultTables.shared, pid, StoredMessage(record))
      } else {
        for name in [pid] + identifier.formerPIDs {
          try transaction.delete(VaultTables.shared, name)
        }
      }
      let entry = AuditEntry(
        principal: principal, action: isShared ? "vault.mark_shared" : "vault.unmark_shared",
        pids: [pid], details: [("provenance", provenance)])
      try audit.append(entry, in: &transaction)
      return true
    }.value
  }

  private func isShared(
    _ record: IdentifierRecord, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> Bool {
    if record.kind == .email, SharedAddress.isLikely(email: record.value) { return true }
    guard let own = PseudonymousID(bytes: record.pid) else {
      throw StoreError.corrupted("an identifier has no pid")
    }
    if try reader.contains(VaultTables.shared, own) { return true }
    guard let other = try Self.nameInForce(besides: own, in: reader) else { return false }
    return try reader.contains(VaultTables.shared, other)
  }

  // MARK: - In a rotation of pid keys

  /// Where a person's rows are to be changed: while new pids are given out under the new one, where
  /// they are brought first.
  private func settled(
    _ person: PseudonymousID, in transaction: inout WriteTransaction
  ) throws -> PseudonymousID {
    guard try Self.rotation(in: transaction)?.phase == .dualRead else { return person }
    return try rename(person, in: &transaction)
  }

  /// The name of a pid that rows are kept under from now on.
  private static func presentName(
    of pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PseudonymousID {
    guard let rotation = try rotation(in: reader), let names = try renaming(of: pid, in: reader)
    else { return pid }
    return switch rotation.phase {
    case .dualWrite: names.former
    case .dualRead: names.new
    default: pid
    }
  }

  /// Decides the next pids of identifiers that go from one person to another while a rotation computes:
  /// its walk over the people may have passed the one and not reached the other.
  private func name(_ rows: [Row], in transaction: inout WriteTransaction) throws {
    guard var rotation = try Self.rotation(in: transaction), rotation.phase == .pending else {
      return
    }
    guard let next = keyring.next(of: rotation.domain), next.keyVersion == rotation.keyVersion
    else { throw PidKeysChanged() }
    let before = rotation.renamings
    for (place, record) in rows {
      guard try transaction.get(VaultTables.people, place.first)?.message.domain == next.name
      else { continue }
      guard let pid = PseudonymousID(bytes: record.pid),
        let identifier = CanonicalIdentifier(record)
      else { throw StoreError.corrupted("an identifier cannot be read") }
      try Self.appendRenaming(pid, next.pid(of: identifier), &rotation, in: &transaction)
    }
    if rotation.renamings > before { try Self.put(rotation, in: &transaction) }
  }

  // MARK: - Rows

  private static func known(
    _ pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PseudonymousID {
    switch try standing(of: pid, in: reader) {
    case .known(let person): person
    case .forgotten: throw VaultRefusal.forgotten
    case .unknown: throw VaultRefusal.unknownPerson
    }
  }

  private func identifierKey(
    of person: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> SealingKey {
    // Without the key there is nobody any more, whatever the store says.
    guard let key = try keys.identifierKey(of: person, in: reader) else {
      throw VaultRefusal.forgotten
    }
    return key
  }

  private static func rows(
    of person: PseudonymousID, under key: SealingKey,
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> [Row] {
    try reader.rows(VaultTables.identifiers, .prefix(person), under: key).map {
      ($0.key, $0.value.message)
    }
  }

  /// Moves identifiers to a person, numbered behind those that are there, and makes their own pids
  /// other names of that person.
  private static func move(
    _ rows: [Row], to person: PseudonymousID, under key: SealingKey, behind kept: [Row],
    in transaction: inout WriteTransaction, change: (inout IdentifierRecord) -> Void
  ) throws {
    var number = kept.last.map { $0.key.second + 1 } ?? 0
    for (place, record) in rows {
      var record = record
      change(&record)
      try transaction.delete(VaultTables.identifiers, place)
      try transaction.put(
        VaultTables.identifiers, KeyPair(person, number), StoredMessage(record), under: key)
      number += 1
      for name in [record.pid] + record.merges.map(\.from) {
        guard let own = PseudonymousID(bytes: name) else {
          throw StoreError.corrupted("an identifier has no pid")
        }
        guard own != person else { continue }
        try transaction.put(
          VaultTables.aliases, own, StoredMessage(AliasRecord(pid: person.bytes)))
      }
    }
  }
}
