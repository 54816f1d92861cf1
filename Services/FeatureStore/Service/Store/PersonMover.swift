internal import Cryptography
internal import FeaturesAPI
internal import Gate
internal import PrivacyCore
internal import Renaming
internal import SealedStore
internal import StoredMessages

/// Moves what is kept of a person to the person's new pid.
struct PersonMover: RekeyMover {
  let keys: any SubjectKeySource
  let cache: PersonCache

  func subjectKeys(of pids: [PseudonymousID]) async throws -> [PseudonymousID: SealingKey] {
    try await keys.subjectKeys(of: pids)
  }

  func prepare(
    _ move: PlannedMove, under key: SealingKey?, in snapshot: borrowing ReadSnapshot
  ) throws -> [MovedRows] {
    [
      try snapshot.movedRows(FeatureTables.events, from: move.from, to: move.to, under: key),
      try snapshot.movedRows(FeatureTables.rows, from: move.from, to: move.to, under: key),
    ]
  }

  func readiness(
    of rows: [MovedRows], for move: PlannedMove, in transaction: borrowing WriteTransaction
  ) throws -> MoveReadiness {
    let answers = [
      try transaction.readiness(of: rows[0], FeatureTables.events, from: move.from, to: move.to),
      try transaction.readiness(of: rows[1], FeatureTables.rows, from: move.from, to: move.to),
    ]
    if answers.contains(.changed) { return .changed }
    guard answers.contains(.occupied), rows.contains(where: { $0.count > 0 }) else { return .ready }
    return .occupied
  }

  func moveOthers(_ move: PlannedMove, in transaction: inout WriteTransaction) throws -> Int {
    guard try transaction.contains(FeatureTables.people, move.from) else { return 0 }
    try transaction.delete(FeatureTables.people, move.from)
    try transaction.put(FeatureTables.people, move.to, EmptyValue())
    return 1
  }

  func merge(
    _ move: PlannedMove, under key: SealingKey, in transaction: inout WriteTransaction
  ) throws -> Int {
    var rowCount = try moveOthers(move, in: &transaction)
    for chunkKey in try transaction.keys(FeatureTables.events, .prefix(move.from)) {
      guard let chunk = try transaction.get(FeatureTables.events, chunkKey, under: key) else {
        continue
      }
      // No event is lost, however many there are: the limit is one of writers.
      _ = try transaction.append(
        try chunk.message.series().personEvents, of: move.to, source: chunkKey.second, under: key,
        eventCountMax: .max)
      try transaction.delete(FeatureTables.events, chunkKey)
      rowCount += 1
    }
    for rowKey in try transaction.keys(FeatureTables.rows, .prefix(move.from)) {
      let target = RowKey(move.to, rowKey.second, rowKey.third)
      // A row at the new place was written later.
      if try !transaction.contains(FeatureTables.rows, target),
        let row = try transaction.get(FeatureTables.rows, rowKey, under: key)
      {
        try transaction.put(FeatureTables.rows, target, row, under: key)
      }
      try transaction.delete(FeatureTables.rows, rowKey)
      rowCount += 1
    }
    return rowCount
  }

  func didMove(_ moves: [PlannedMove], at sequence: LogSequenceNumber) {
    cache.carry(moves.map { ($0.from, $0.to) }, at: sequence)
  }

  func forget(_ former: PseudonymousID) { keys.forget(former) }

  /// The people of whom something is kept, with the numbers of their rows.
  static func people(
    in store: SealedStore, after pid: PseudonymousID?, limit: Int
  ) throws -> [(pid: PseudonymousID, rowCount: Int)] {
    try store.read { snapshot in
      PersonWalks.merged(
        [
          try snapshot.people(of: FeatureTables.people, after: pid, limit: limit) { $0 },
          try snapshot.people(of: FeatureTables.events, after: pid, limit: limit) { $0.first },
          try snapshot.people(of: FeatureTables.rows, after: pid, limit: limit) { $0.first },
        ], limit: limit)
    }
  }
}

extension EventSeries {
  /// The events one by one.
  fileprivate var personEvents: [PersonEvent] {
    let names = columns.keys.sorted()
    return (0..<count).map { index in
      var consentID = ""
      if case .string(let id)? = consentIDs.value(at: index) { consentID = id }
      return PersonEvent(
        time: Timestamp(microseconds: times[index]), id: ids[index], consentID: consentID,
        fields: names.compactMap { name in
          columns[name]?.value(at: index).map { (name, $0) }
        })
    }
  }
}
