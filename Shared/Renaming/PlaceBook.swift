package import PrivacyCore
package import SealedStore
internal import Synchronization

/// Where the rows of renamed people stand.
///
/// From a renaming on, until its rotation is over, a person has two names and rows under one of them.
/// A reader asks for the place in the snapshot or transaction in which it reads the rows: so it never
/// meets a person on the move. Where nobody is renamed the question costs one load of a flag.
package final class PlaceBook: Sendable {
  let store: SealedStore
  /// Whether there may be a place in the store. Set on the writer thread before the first one is
  /// committed, cleared there after the last one went: a snapshot that holds one began after.
  private let isUsed: Atomic<Bool>
  /// The names of rotations up to this one are forgotten already.
  private let sweptRotation = Atomic<UInt32>(0)

  /// The places that `store` holds.
  package init(store: SealedStore) throws {
    self.store = store
    isUsed = Atomic(try store.read { try !$0.keys(RenamingTables.places, limit: 1).isEmpty })
  }

  /// Whether anybody may have another name.
  package var isInUse: Bool { isUsed.load(ordering: .acquiring) }

  // MARK: - Questions

  /// The pid that the rows of `pid` stand under.
  package func place(
    of pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PseudonymousID {
    guard isInUse else { return pid }
    return try reader.get(RenamingTables.places, pid)?.place ?? pid
  }

  /// The same with all names of the person.
  package func person(
    _ pid: PseudonymousID, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> PersonPlace {
    guard isInUse, let record = try reader.get(RenamingTables.places, pid) else {
      return PersonPlace(place: pid, names: [pid])
    }
    return PersonPlace(place: record.place, names: record.names)
  }

  /// Runs `body` with the people that `pids` mean; again where it throws `PlaceChanged`, because one of
  /// them was renamed meanwhile.
  ///
  /// - Throws: what `body` throws; `PlaceUnsettled` after a few rounds.
  package func settled<Answer>(
    _ pids: some Sequence<PseudonymousID> & Sendable,
    _ body: ([PseudonymousID: PersonPlace]) async throws -> Answer
  ) async throws -> Answer {
    for _ in 0..<Self.roundCountMax {
      let people = try store.read { snapshot in
        var people: [PseudonymousID: PersonPlace] = [:]
        for pid in pids where people[pid] == nil { people[pid] = try person(pid, in: snapshot) }
        return people
      }
      do {
        return try await body(people)
      } catch is PlaceChanged {
        continue
      }
    }
    throw PlaceUnsettled()
  }

  private static let roundCountMax = 16

  /// How far this store is with a rotation.
  package func progress(
    of rotation: UInt32, in reader: borrowing some StoreReading & ~Copyable
  ) throws -> RekeyProgress {
    let tally = try reader.get(RenamingTables.tallies, rotation) ?? RekeyTally()
    var progress = RekeyProgress()
    progress.renamings = tally.renamings
    progress.rowsMoved = tally.rowsMoved
    progress.peopleMoved = tally.peopleMoved
    progress.peopleLeft = tally.peopleLeft
    return progress
  }

  // MARK: - Renaming

  /// Notes that `former` is now called `pid`: the rows stay where they are until they are moved, and
  /// where there are none the next ones go under the new name. The same renaming again changes
  /// nothing.
  ///
  /// - Parameter hasRows: whether there are rows under a pid.
  /// - Returns: whether it was not known.
  @discardableResult
  package func note(
    _ former: PseudonymousID, is pid: PseudonymousID, rotation: UInt32,
    in transaction: inout WriteTransaction,
    hasRows: (PseudonymousID, borrowing WriteTransaction) throws -> Bool
  ) throws -> Bool {
    let known = try transaction.get(RenamingTables.places, former)
    if let known, known.names.contains(pid) { return false }
    let origin = known?.place ?? former
    let isMove = try hasRows(origin, transaction)
    // In another epoch of the consent log renamings of old come again. Only what is left under a
    // former pid, in a store that was restored from before, is still to be moved.
    let isOver = try rotation <= retiredRotation(in: transaction)
    if isOver, !isMove { return false }
    if isOver { sweptRotation.store(0, ordering: .releasing) }
    isUsed.store(true, ordering: .releasing)
    var tally = try transaction.get(RenamingTables.tallies, rotation) ?? RekeyTally()
    tally.renamings += 1
    let record = PlaceRecord(
      rotation: rotation, place: isMove ? origin : pid, names: (known?.names ?? [former]) + [pid])
    for name in record.names { try transaction.put(RenamingTables.places, name, record) }
    if isMove {
      if let earlier = try transaction.get(RenamingTables.moves, origin) {
        if earlier.rotation == rotation {
          tally.peopleLeft -= 1
        } else {
          try change(earlier.rotation, in: &transaction) { $0.peopleLeft -= 1 }
        }
      }
      tally.peopleLeft += 1
      try transaction.put(
        RenamingTables.moves, origin, MoveRecord(rotation: rotation, target: pid))
    }
    try transaction.put(RenamingTables.tallies, rotation, tally)
    return true
  }

  private func change(
    _ rotation: UInt32, in transaction: inout WriteTransaction, _ body: (inout RekeyTally) -> Void
  ) throws {
    var tally = try transaction.get(RenamingTables.tallies, rotation) ?? RekeyTally()
    body(&tally)
    try transaction.put(RenamingTables.tallies, rotation, tally)
  }

  // MARK: - Moving

  /// The next people whose rows are to be moved, behind `place`.
  func moves(after place: PseudonymousID?, limit: Int) throws -> [PlannedMove] {
    guard isInUse else { return [] }
    return try store.read { snapshot in
      let range = place.map { KeyRange<PseudonymousID>.after($0) } ?? .all
      return try snapshot.rows(RenamingTables.moves, range, limit: limit).map { origin, move in
        let names = try snapshot.get(RenamingTables.places, origin)?.names ?? [origin]
        return PlannedMove(from: origin, to: move.target, rotation: move.rotation, names: names)
      }
    }
  }

  /// Whether a move is still to be made, as it was planned.
  func isPlanned(_ move: PlannedMove, in transaction: borrowing WriteTransaction) throws -> Bool {
    try transaction.get(RenamingTables.moves, move.from)
      == MoveRecord(rotation: move.rotation, target: move.to)
  }

  /// Notes that the rows of people stand under their new names.
  func finish(
    _ moves: [(move: PlannedMove, rowCount: Int)], in transaction: inout WriteTransaction
  ) throws {
    var tallies: [UInt32: RekeyTally] = [:]
    for (move, rowCount) in moves {
      var tally =
        try tallies[move.rotation]
        ?? transaction.get(RenamingTables.tallies, move.rotation) ?? RekeyTally()
      tally.peopleLeft -= 1
      tally.rowsMoved += UInt64(rowCount)
      if rowCount > 0 { tally.peopleMoved += 1 }
      tallies[move.rotation] = tally
      let record = PlaceRecord(rotation: move.rotation, place: move.to, names: move.names)
      for name in move.names { try transaction.put(RenamingTables.places, name, record) }
      try transaction.delete(RenamingTables.moves, move.from)
    }
    for (rotation, tally) in tallies {
      try transaction.put(RenamingTables.tallies, rotation, tally)
    }
  }

  // MARK: - The end of a rotation

  /// The last rotation that is over, as far as this store knows.
  package func retiredRotation(
    in reader: borrowing some StoreReading & ~Copyable
  ) throws -> UInt32 {
    UInt32(clamping: try reader.get(RenamingTables.retired, RenamingTables.retiredName) ?? 0)
  }

  /// Notes that `rotation` is over.
  func noteRetired(_ rotation: UInt32) async throws {
    guard try store.read({ try retiredRotation(in: $0) }) < rotation else { return }
    try await store.write { transaction in
      guard try self.retiredRotation(in: transaction) < rotation else { return }
      try transaction.put(
        RenamingTables.retired, RenamingTables.retiredName, UInt64(rotation))
    }
  }

  /// Forgets the other names of people whose rotation is over, as soon as nothing is left to be moved
  /// for it. A walk over all names where there are any.
  ///
  /// - Parameter isForgotten: is told each name that is nobody's any more, before it goes.
  func sweep(_ isForgotten: (PseudonymousID) -> Void) async throws {
    guard isInUse else { return }
    let retired = try store.read { try retiredRotation(in: $0) }
    guard retired > sweptRotation.load(ordering: .acquiring),
      try !isAnythingLeft(through: retired)
    else { return }
    sweptRotation.store(retired, ordering: .releasing)
    do {
      try await forget(through: retired, isForgotten)
    } catch {
      sweptRotation.store(0, ordering: .releasing)
      throw error
    }
  }

  private func forget(
    through retired: UInt32, _ isForgotten: (PseudonymousID) -> Void
  ) async throws {
    var last: PseudonymousID?
    while true {
      let range = last.map { KeyRange<PseudonymousID>.after($0) } ?? .all
      let page = try store.read { snapshot in
        try snapshot.rows(RenamingTables.places, range, limit: Self.sweepCount)
      }
      guard let end = page.last else { break }
      last = end.key
      let over = page.filter { $0.value.rotation <= retired }
      guard !over.isEmpty else { continue }
      // Before the names go: a writer who finds no other name then asks the vault for the key, and to
      // the vault the former pid is nobody's.
      for (pid, record) in over where pid != record.place { isForgotten(pid) }
      try await store.write { transaction in
        for (pid, _) in over {
          guard let record = try transaction.get(RenamingTables.places, pid),
            record.rotation <= retired,
            try !transaction.contains(RenamingTables.moves, record.place)
          else { continue }
          try transaction.delete(RenamingTables.places, pid)
        }
      }
    }
    // What was removed is acknowledged by now, so that nobody can see it any more.
    try await store.write { transaction in
      if try transaction.keys(RenamingTables.places, limit: 1).isEmpty {
        self.isUsed.store(false, ordering: .releasing)
      }
    }
  }

  private func isAnythingLeft(through rotation: UInt32) throws -> Bool {
    try store.read { snapshot in
      var isLeft = false
      try snapshot.scan(RenamingTables.moves) { _, move in
        isLeft = move.rotation <= rotation
        return isLeft ? .stop : .next
      }
      return isLeft
    }
  }

  /// The most names that are forgotten in one transaction.
  private static let sweepCount = 1_000
}

/// One person whose rows are to be moved.
package struct PlannedMove: Equatable, Sendable {
  /// Where they stand.
  package let from: PseudonymousID
  /// Where they go.
  package let to: PseudonymousID
  let rotation: UInt32
  let names: [PseudonymousID]
}
