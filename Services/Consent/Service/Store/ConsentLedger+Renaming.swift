internal import AuditLog
internal import ConsentAPI
internal import ConsentVerifier
internal import Cryptography
package import PrivacyCore
internal import SealedStore
internal import StoredMessages

/// A person's pid, and what it becomes, as the vault decided.
package struct PersonRenaming: Hashable, Sendable {
  /// Its number, from 1 in each rotation, without gaps.
  package let number: UInt64
  package let former: PseudonymousID
  package let pid: PseudonymousID

  package init(number: UInt64, former: PseudonymousID, pid: PseudonymousID) {
    self.number = number
    self.former = former
    self.pid = pid
  }
}

/// What became of some renamings.
package struct RenamingOutcome: Hashable, Sendable {
  /// How many people were renamed.
  package var recorded = 0
  /// The numbers of the renamings that cannot be, because something is recorded under the new pid.
  package var refused: [UInt64] = []
  /// The former pids of people who are erased under the new one already, and not under this: a log that
  /// lost erasures learned of them by the new pid.
  package var toErase: [PseudonymousID] = []
  /// The position of the last receipt; 0 where there is none.
  package var lastPosition: UInt64 = 0

  /// None.
  package init() {}
}

/// Why renamings are not taken in.
package enum RenamingFault: Error, Equatable, Sendable {
  /// The numbers do not follow on what is recorded.
  case gap(expected: UInt64, found: UInt64)
}

extension ConsentLedger {
  /// How far the ledger is with a rotation of pid keys.
  package func renamingProgress() throws -> RenamingProgress {
    try store.read { try RenamingProgress(in: $0) }
  }

  /// How many former pids mean somebody: a walk over them where a rotation runs.
  package func formerNameCount() throws -> Int {
    guard names.mayBeHeld else { return 0 }
    return try store.read { try $0.count(ConsentTables.names) }
  }

  /// Records renamings in one transaction, under one entry of the log: each with a receipt, behind
  /// which everything that is kept of the person stands under the new pid. Those that are recorded
  /// already change nothing.
  ///
  /// - Parameters:
  ///   - renamings: a few hundred: other writes wait meanwhile.
  ///   - step: is called before each; what it throws leaves nothing of the transaction.
  /// - Throws: `RenamingFault`; what the store throws.
  package func rename(
    _ renamings: [PersonRenaming], in rotation: UInt32,
    step: @escaping @Sendable (PersonRenaming) throws -> Void = { _ in }
  ) async throws -> RenamingOutcome {
    let salts = EntrySalts(count: renamings.count, random)
    let (outcome, stamp) = try await store.write { transaction in
      try rename(renamings, in: rotation, salts, step, &transaction)
    }.value
    if let stamp { clock.isDurable(stamp.recordedAt) }
    return outcome
  }

  private func rename(
    _ renamings: [PersonRenaming], in rotation: UInt32, _ salts: EntrySalts,
    _ step: (PersonRenaming) throws -> Void, _ transaction: inout WriteTransaction
  ) throws -> (RenamingOutcome, RecordingClock.Stamp?) {
    var outcome = RenamingOutcome()
    var progress = try RenamingProgress(in: transaction)
    guard rotation > progress.retiredRotation, rotation >= progress.rotation else {
      return (outcome, nil)
    }
    try begin(rotation, &progress)
    let cursor = progress.cursor
    let fresh = renamings.drop { $0.number <= cursor }
    guard !fresh.isEmpty else { return (outcome, nil) }
    for (expected, renaming) in zip((cursor + 1)..., fresh) where renaming.number != expected {
      throw RenamingFault.gap(expected: expected, found: renaming.number)
    }
    names.retire(progress.retiredRotation)
    names.hold()
    // All is read before anything is written: see `KnownRows`.
    let people = try fresh.map {
      try RenamedPerson($0, retired: progress.retiredRotation, in: transaction)
    }
    var position = try Self.nextPosition(in: transaction)
    let first = position
    let stamp = clock.stamp()
    let index = try audit.nextIndex(in: &transaction)
    var batch = AuditBatch()
    for person in people {
      try step(person.renaming)
      progress.cursor = person.renaming.number
      switch person.obstacle {
      case nil: break
      case .isErased(let former):
        if former?.isErased == false { outcome.toErase.append(person.renaming.former) }
        continue
      case .isTaken:
        outcome.refused.append(person.renaming.number)
        continue
      }
      let salt = salts[batch.count]
      progress.rowsMoved += try move(person, in: rotation, to: position, stamp, &transaction) {
        statement in
        let member = try batch.add(salt: salt, content: statement.packed())
        return .member(index: index, member: member, salt: salt)
      }
      outcome.recorded += 1
      outcome.lastPosition = position
      position += 1
    }
    progress.peopleMoved += UInt64(outcome.recorded)
    try progress.write(in: &transaction)
    if outcome.recorded > 0 {
      let details = [
        ("rotation", "\(rotation)"), ("first_sequence", "\(first)"),
        ("last_sequence", "\(outcome.lastPosition)"), ("people", "\(outcome.recorded)"),
      ]
      let place = try audit.append(
        AuditEntry(principal: "consent", action: "consent.rename", details: details), batch,
        in: &transaction)
      guard place == index else {
        throw StoreError.corrupted("an entry came between the receipts of a rotation")
      }
    }
    return (outcome, stamp)
  }

  /// One rotation runs at a time: where another one begins, those before it are over.
  private func begin(_ rotation: UInt32, _ progress: inout RenamingProgress) throws {
    guard rotation != progress.rotation else { return }
    progress.rotation = rotation
    progress.retiredRotation = rotation - 1
    progress.cursor = 0
    progress.rowsMoved = 0
    progress.peopleMoved = 0
  }

  /// Writes the receipt of a renaming, and moves the person's rows; answers how many these are.
  private func move(
    _ person: RenamedPerson, in rotation: UInt32, to position: UInt64,
    _ stamp: RecordingClock.Stamp, _ transaction: inout WriteTransaction,
    log: (ReceiptStatement) throws -> LogPlace
  ) throws -> UInt64 {
    let (former, pid) = (person.renaming.former, person.renaming.pid)
    var state = person.state ?? PersonState()
    let id = ConsentID(at: stamp.now, random: random)
    let receipt = Receipt(
      consentID: id.description, pid: pid.bytes, grantedAtUs: stamp.now.microseconds,
      source: "rotation", kind: .renaming, recordedAtUs: stamp.recordedAt.microseconds,
      sequence: position, previousHash: person.previousHash,
      personSequence: state.receiptCount + 1, formerPid: former.bytes, rotation: rotation)
    standings.willChange(former, at: transaction.sequence)
    standings.willChange(pid, at: transaction.sequence)
    takings.rename(former, to: pid)
    let packed = receipt.packed()
    let hash = try Digest.sha256(packed)
    state.record(receipt, hash: hash)
    let packedState = state.packed()
    let place = try log(ReceiptStatement(receipt, hash: hash, state: packedState))
    let moved = try moveRows(of: person, in: rotation, &transaction)
    try transaction.put(ConsentTables.receipts, position, StoredMessage(receipt, packed: packed))
    try transaction.put(ConsentTables.positions, id, position)
    try transaction.put(ConsentTables.history, KeyPair(pid, position), place)
    try transaction.put(ConsentTables.people, pid, StoredMessage(state, packed: packedState))
    if state.receiptCount.isMultiple(of: Self.stateKeptEvery) {
      try transaction.put(
        ConsentTables.earlierStates, KeyPair(pid, state.receiptCount),
        StoredMessage(state, packed: packedState))
    }
    try transaction.put(ConsentTables.names, former, FormerName(pid, in: rotation))
    return moved
  }

  private func moveRows(
    of person: RenamedPerson, in rotation: UInt32, _ transaction: inout WriteTransaction
  ) throws -> UInt64 {
    let (former, pid) = (person.renaming.former, person.renaming.pid)
    if person.state != nil { try transaction.delete(ConsentTables.people, former) }
    for (position, place) in person.places {
      try transaction.delete(ConsentTables.history, KeyPair(former, position))
      try transaction.put(ConsentTables.history, KeyPair(pid, position), place)
    }
    for (count, stored) in person.earlierStates {
      try transaction.delete(ConsentTables.earlierStates, KeyPair(former, count))
      try transaction.put(ConsentTables.earlierStates, KeyPair(pid, count), stored)
    }
    if let (sequence, task) = person.erasure {
      var task = task
      // The erasure goes on under the pid that stores and vault know it by.
      task.renamedPid = pid.bytes
      try transaction.put(ConsentTables.erasures, sequence, StoredMessage(task))
    }
    return UInt64((person.state == nil ? 0 : 1) + person.places.count + person.earlierStates.count)
  }

  // MARK: The end of a rotation

  /// Which of these pids were replaced by a rotation that is over.
  func retired(among pids: [PseudonymousID]) throws -> [PseudonymousID] {
    guard names.retiredRotation > 0 else { return [] }
    return try store.read { snapshot in
      try pids.filter { try names.isRetired($0, in: snapshot) }
    }
  }

  /// Forgets whom the former pids of `rotation` and of those before it mean: at once, as far as anybody is
  /// answered, and in the store in bounded transactions.
  package func retire(_ rotation: UInt32) async throws {
    if try renamingProgress().retiredRotation < rotation {
      try await store.write { transaction in
        var progress = try RenamingProgress(in: transaction)
        progress.retiredRotation = max(progress.retiredRotation, rotation)
        try progress.write(in: &transaction)
      }
    }
    names.retire(rotation)
    var last: PseudonymousID?
    while true {
      let start = last
      let range: KeyRange<PseudonymousID> = start.map { .after($0) } ?? .all
      let found = try store.read {
        try $0.rows(ConsentTables.names, range, limit: Self.retiredNameCount)
      }
      guard let end = found.last?.key else { break }
      last = end
      let over = found.filter { $0.value.rotation <= rotation }
      guard !over.isEmpty else { continue }
      try await store.write { transaction in
        for (pid, name) in over {
          try transaction.delete(ConsentTables.names, pid)
          try transaction.put(ConsentTables.retiredNames, pid, UInt64(name.rotation))
        }
      }
    }
    try await store.write { transaction in
      // In a transaction: none that writes a name can run meanwhile.
      if try transaction.keys(ConsentTables.names, limit: 1).isEmpty { names.drop() }
    }
  }

  /// How many former pids are forgotten in one transaction.
  private static let retiredNameCount = 1_024
}

/// Somebody who is to be renamed, with everything that is moved.
private struct RenamedPerson {
  let renaming: PersonRenaming
  /// What stands in the way.
  private(set) var obstacle: Obstacle?
  private(set) var state: PersonState?
  private(set) var previousHash: [UInt8] = []
  private(set) var places: [(position: UInt64, place: LogPlace)] = []
  private(set) var earlierStates: [(count: UInt64, stored: StoredMessage<PersonState>)] = []
  /// The person's erasure, where there was one.
  private(set) var erasure: (sequence: UInt64, task: ErasureTask)?

  /// Why somebody is not renamed.
  enum Obstacle {
    /// Something is recorded under the new pid, or the former one was renamed already.
    case isTaken
    /// The person is erased under the new pid.
    case isErased(former: PersonState?)
  }

  init(
    _ renaming: PersonRenaming, retired: UInt32,
    in reader: borrowing some StoreReading & ~Copyable
  ) throws {
    self.renaming = renaming
    let (former, pid) = (renaming.former, renaming.pid)
    let known = try reader.get(ConsentTables.names, former)
    guard former != pid, known.map({ $0.rotation <= retired }) ?? true else {
      obstacle = .isTaken
      return
    }
    if let taken = try ConsentLedger.state(of: pid, in: reader) {
      obstacle =
        taken.isErased
        ? .isErased(former: try ConsentLedger.state(of: former, in: reader)) : .isTaken
      return
    }
    guard let state = try ConsentLedger.state(of: former, in: reader) else { return }
    self.state = state
    previousHash = try ConsentLedger.previousHash(state, in: reader)
    places = try reader.rows(ConsentTables.history, .prefix(former)).map {
      ($0.key.second, $0.value)
    }
    if state.receiptCount >= ConsentLedger.stateKeptEvery {
      earlierStates = try reader.rows(ConsentTables.earlierStates, .prefix(former)).map {
        ($0.key.second, $0.value)
      }
    }
    if state.isErased {
      let sequence = state.erasureSequence
      erasure = try reader.get(ConsentTables.erasures, sequence).map { (sequence, $0.message) }
    }
  }
}
