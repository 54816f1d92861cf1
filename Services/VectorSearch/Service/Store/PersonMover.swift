internal import Cryptography
internal import Gate
internal import PrivacyCore
internal import Renaming
internal import SealedStore

/// Moves the vectors of a person to the person's new pid, in the store and in memory.
struct PersonMover: RekeyMover {
  let library: VectorLibrary
  let keys: any SubjectKeySource

  func subjectKeys(of pids: [PseudonymousID]) async throws -> [PseudonymousID: SealingKey] {
    try await keys.subjectKeys(of: pids)
  }

  func prepare(
    _ move: PlannedMove, under key: SealingKey?, in snapshot: borrowing ReadSnapshot
  ) throws -> [MovedRows] {
    [try snapshot.movedRows(VectorTables.people, from: move.from, to: move.to, under: key)]
  }

  func readiness(
    of rows: [MovedRows], for move: PlannedMove, in transaction: borrowing WriteTransaction
  ) throws -> MoveReadiness {
    guard let rows = rows.first else { return .changed }
    let answer = try transaction.readiness(
      of: rows, VectorTables.people, from: move.from, to: move.to)
    return answer == .occupied && rows.count == 0 ? .ready : answer
  }

  func moveOthers(_ move: PlannedMove, in transaction: inout WriteTransaction) throws -> Int { 0 }

  func merge(
    _ move: PlannedMove, under key: SealingKey, in transaction: inout WriteTransaction
  ) throws -> Int {
    let formerKeys = try transaction.keys(VectorTables.people, .prefix(move.from))
    for formerKey in formerKeys {
      let target = PersonKey(move.to, formerKey.second)
      // A vector at the new place was written later.
      if try !transaction.contains(VectorTables.people, target),
        let vector = try transaction.get(VectorTables.people, formerKey, under: key)
      {
        try transaction.put(VectorTables.people, target, vector, under: key)
      }
      try transaction.delete(VectorTables.people, formerKey)
    }
    return formerKeys.count
  }

  func didMove(_ moves: [PlannedMove], at sequence: LogSequenceNumber) {
    for collection in library.collections where collection.isOfPeople {
      for move in moves {
        collection.rename(move.from.bytes, to: move.to.bytes) {
          // It may have been removed since, before it came here.
          let target = PersonKey(move.to, collection.name)
          return (try? library.store.read { try $0.contains(VectorTables.people, target) }) ?? false
        }
      }
    }
  }

  func forget(_ former: PseudonymousID) { keys.forget(former) }

  /// The people of whom there are vectors, with the numbers of these.
  static func people(
    in store: SealedStore, after pid: PseudonymousID?, limit: Int
  ) throws -> [(pid: PseudonymousID, rowCount: Int)] {
    try store.read { snapshot in
      try snapshot.people(of: VectorTables.people, after: pid, limit: limit) { $0.first }
    }
  }
}
