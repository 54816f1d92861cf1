internal import Logging
internal import PrivacyCore
internal import SealedStore
internal import StoredMessages
internal import Synchronization
internal import VaultAPI

/// What the vault does by itself for a rotation, in transactions of a few milliseconds: it computes the
/// next pids, moves its own rows, looks through them, and removes the names that are over.
extension PidRotation {
  /// So many people are computed or moved in one transaction: with 1,024 identifiers each, 64 MiB are
  /// not enough for many more.
  static let peopleAtOnce = 64
  /// So many names are removed in one transaction.
  static let namesAtOnce = 1_024
  /// Between two transactions others have their turn.
  private static let paceMs = 1
  /// How often something to do is looked for, in milliseconds.
  private static let idleMs = 500

  /// Works until the task is cancelled.
  func run() async throws {
    while true {
      var pauseMs = Self.idleMs
      do {
        if try await work() { pauseMs = Self.paceMs }
      } catch {
        try Task.checkCancellation()
        log.warning("a rotation of pid keys waits", metadata: ["reason": "\(error)"])
      }
      try await time.sleep(milliseconds: pauseMs)
    }
  }

  /// Takes the next step that is due; `false` where none is.
  package func work() async throws -> Bool {
    guard let record = try store.read({ try PersonRegistry.rotation(in: $0) }) else { return false }
    switch record.phase {
    case .pending where !record.computed: return try await computeSome(record)
    case .dualRead where record.movedThrough < record.renamings: return try await moveSome()
    case .dualRead where !record.scanned: return try await scanOwnRows(record)
    case .unspecified, .retired: return try await clearSome()
    default: return false
    }
  }

  // MARK: - Computing

  private func computeSome(_ record: PidRotationRecord) async throws -> Bool {
    guard let next = keyring.next(of: record.domain), next.keyVersion == record.keyVersion else {
      try refresh()
      return true
    }
    let counted = record.pids == 0 ? try countPids(in: record.domain) : record.pids
    let last = PseudonymousID(bytes: record.computedThrough)
    let (end, names) = try store.read { snapshot in
      let people = try snapshot.rows(
        VaultTables.people, last.map { .after($0) } ?? .all, limit: Self.peopleAtOnce)
      var names: [(former: PseudonymousID, new: PseudonymousID)] = []
      for person in people where person.value.message.domain == record.domain {
        names += try registry.nextPids(of: person.key, next, in: snapshot)
      }
      return (people.last?.key, names)
    }
    try await store.write { transaction in
      guard var current = try PersonRegistry.rotation(in: transaction),
        current.rotation == record.rotation, current.phase == .pending
      else { return }
      for name in names {
        // Whoever was forgotten since has no next pid.
        guard
          try transaction.contains(VaultTables.people, name.former)
            || transaction.contains(VaultTables.aliases, name.former)
        else { continue }
        try PersonRegistry.appendRenaming(name.former, name.new, &current, in: &transaction)
      }
      current.pids = counted
      if let end { current.computedThrough = end.bytes } else { current.computed = true }
      try PersonRegistry.put(current, in: &transaction)
    }
    return true
  }

  /// How many pids of people and aliases there are in a domain: each is that of an identifier.
  private func countPids(in domain: String) throws -> UInt64 {
    try store.read { snapshot in
      if try snapshot.count(VaultTables.domains) == 1 {
        return UInt64(try snapshot.count(VaultTables.identifiers))
      }
      var count = 0
      try snapshot.scan(VaultTables.people) { person, record in
        guard record.message.domain == domain else { return .next }
        count += try snapshot.count(VaultTables.identifiers, .prefix(person))
        return .next
      }
      return UInt64(count)
    }
  }

  // MARK: - Moving

  private func moveSome() async throws -> Bool {
    let began = time.monotonicMicroseconds
    let count = try await store.write { [registry] transaction in
      guard var record = try PersonRegistry.rotation(in: transaction), record.phase == .dualRead
      else { return UInt64(0) }
      let first = record.movedThrough + 1
      let last = min(record.movedThrough + UInt64(Self.peopleAtOnce), record.renamings)
      guard first <= last else { return 0 }
      for number in first...last {
        guard let bytes = try transaction.get(RotationTables.renamings, number),
          let former = PseudonymousID(bytes: bytes)
        else { throw StoreError.corrupted("a renaming has no pid") }
        // An alias goes with its person.
        try registry.rename(former, in: &transaction)
      }
      record.movedThrough = last
      try PersonRegistry.put(record, in: &transaction)
      return last - first + 1
    }.value
    let microseconds = max(1, time.monotonicMicroseconds - began)
    let rate = Double(count) * 1_000_000 / Double(microseconds)
    state.withLock { state in
      state.peoplePerSecond =
        state.peoplePerSecond == 0 ? rate : state.peoplePerSecond * 0.9 + rate * 0.1
    }
    return true
  }

  /// Looks whether a person or an alias still stands under a former pid: a walk over all keys, which
  /// opens nothing. From here on no row comes to stand there, since nobody is recorded under the former
  /// key any more.
  private func scanOwnRows(_ record: PidRotationRecord) async throws -> Bool {
    let left = try store.read { snapshot in
      var left = 0
      try snapshot.scanKeys(VaultTables.people, .all, reverse: false, limit: .max) { pid in
        if try snapshot.contains(RotationTables.successors, pid) { left += 1 }
        return .next
      }
      try snapshot.scanKeys(VaultTables.aliases, .all, reverse: false, limit: .max) { pid in
        if try snapshot.contains(RotationTables.successors, pid) { left += 1 }
        return .next
      }
      return left
    }
    try await store.write { transaction in
      guard var current = try PersonRegistry.rotation(in: transaction),
        current.rotation == record.rotation, current.phase == .dualRead
      else { return }
      current.scanned = left == 0
      if left > 0 { current.movedThrough = 0 }
      try PersonRegistry.put(current, in: &transaction)
    }
    guard left > 0 else { return true }
    log.warning("people still stand under former pids", metadata: ["pids": "\(left)"])
    return false
  }

  // MARK: - The end

  /// Lets the cases of re-identification name people by their new pids, closed ones too: a person who
  /// asks what is held is told of them.
  func renameCases() async throws {
    let cases = try store.read { snapshot in
      var cases: [String] = []
      try snapshot.scan(CaseTables.cases) { id, stored in
        if try Self.renamed(stored.message.pids, in: snapshot) != stored.message.pids {
          cases.append(id)
        }
        return .next
      }
      return cases
    }
    for start in stride(from: 0, to: cases.count, by: Self.peopleAtOnce) {
      let some = cases[start..<min(cases.count, start + Self.peopleAtOnce)]
      try await store.write { transaction in
        for id in some {
          guard var record = try transaction.get(CaseTables.cases, id)?.message else { continue }
          record.pids = try Self.renamed(record.pids, in: transaction)
          try transaction.put(CaseTables.cases, id, StoredMessage(record))
        }
      }
    }
  }

  private static func renamed(
    _ pids: [[UInt8]], in reader: borrowing some StoreReading & ~Copyable
  ) throws -> [[UInt8]] {
    var renamed: [[UInt8]] = []
    for bytes in pids {
      guard let pid = PseudonymousID(bytes: bytes) else { throw CaseDamage() }
      renamed.append(try reader.get(RotationTables.successors, pid)?.message.pid ?? bytes)
    }
    return renamed
  }

  /// Removes names of a rotation that is over or was given up; `false` where there are none.
  func clearSome() async throws -> Bool {
    guard let record = try store.read({ try PersonRegistry.rotation(in: $0) }), !record.isRunning,
      !record.cleared
    else { return false }
    let isUntouched = try store.read { try $0.contains(RotationTables.renamings, 1) }
    // Cases that were opened by a former pid in the last moment.
    if isUntouched, record.phase == .retired { try await renameCases() }
    try await store.write { transaction in
      guard var current = try PersonRegistry.rotation(in: transaction),
        current.rotation == record.rotation, !current.isRunning
      else { return }
      let rows = try transaction.rows(RotationTables.renamings, limit: Self.namesAtOnce)
      for row in rows {
        guard let former = PseudonymousID(bytes: row.value) else {
          throw StoreError.corrupted("a renaming has no pid")
        }
        if let next = try transaction.get(RotationTables.successors, former)?.message,
          let pid = PseudonymousID(bytes: next.pid)
        {
          try transaction.delete(RotationTables.predecessors, pid)
        }
        try transaction.delete(RotationTables.successors, former)
        try transaction.delete(RotationTables.renamings, row.key)
      }
      if rows.count < Self.namesAtOnce {
        current.cleared = true
        try PersonRegistry.put(current, in: &transaction)
      }
    }
    return true
  }
}

extension PersonRegistry {
  /// The pids of a person's identifiers, each with the next one.
  func nextPids(
    of person: PseudonymousID, _ next: PseudonymDomain, in snapshot: borrowing ReadSnapshot
  ) throws -> [(former: PseudonymousID, new: PseudonymousID)] {
    guard let key = try keys.identifierKey(of: person, in: snapshot) else { return [] }
    return try snapshot.rows(VaultTables.identifiers, .prefix(person), under: key).map { row in
      let record = row.value.message
      guard let former = PseudonymousID(bytes: record.pid),
        let identifier = CanonicalIdentifier(record)
      else { throw StoreError.corrupted("an identifier cannot be read") }
      return (former, try next.pid(of: identifier))
    }
  }
}
