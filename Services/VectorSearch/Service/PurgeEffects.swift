internal import Gate
internal import PrivacyCore
internal import Renaming
internal import SealedStore

/// What a change of consent does to the store: a withdrawal takes the person out of every
/// collection that is kept for what was withdrawn; an erasure takes everything and leaves a
/// tombstone; a renaming is noted, and the job moves the vectors.
struct PurgeEffects: GateEffects {
  let library: VectorLibrary
  let keys: any SubjectKeySource
  let erasures: ErasureBook
  let places: PlaceBook
  let job: RekeyJob

  func apply(_ changes: [ConsentChange], epoch: UInt64) async throws {
    let store = library.store
    let positionName = Self.positionName(of: epoch)
    let position = LogSequenceNumber(
      try store.read { try $0.get(VectorTables.positions, positionName) } ?? 0)
    var rest = changes.filter { $0.weight > 0 && $0.sequence > position }[...]
    while !rest.isEmpty {
      var weight = 0
      let piece = rest.prefix { change in
        weight += change.weight
        return weight <= Self.weightMax
      }
      rest = rest.dropFirst(piece.count)
      try await perform(Array(piece), positionName: positionName)
    }
  }

  func statement(
    of pid: PseudonymousID, erasedAt sequence: LogSequenceNumber
  ) async throws -> [UInt8] {
    try erasures.statement(of: pid, at: sequence) { snapshot in
      try places.person(pid, in: snapshot).names.reduce(0) { count, name in
        try count + snapshot.keys(VectorTables.people, .prefix(name)).count
      }
    }
  }

  /// The most weight of one transaction: 64 people who are purged, or 1,024 who are renamed.
  private static let weightMax = 1_024

  private static func positionName(of epoch: UInt64) -> String { "consent/\(epoch)" }

  private func perform(_ changes: [ConsentChange], positionName: String) async throws {
    let scopes = library.scopes
    let (erasures, places) = (erasures, places)
    let outcome = try await library.store.write { transaction in
      var outcome = Outcome()
      for change in changes {
        if case .renaming(let former, let rotation) = change.kind {
          try transaction.rename(former, to: change.pid, rotation, in: places)
          continue
        }
        let names = try places.person(change.pid, in: transaction).names
        let isErasure = change.kind == .erasure
        let countBefore = outcome.removed.count
        for name in names {
          for key in try transaction.keys(VectorTables.people, .prefix(name)) {
            // A collection that is not known keeps nothing for anybody.
            let isKept =
              !isErasure && scopes[key.second].map { !change.endedScopes.contains($0) } ?? false
            guard !isKept else { continue }
            try transaction.delete(VectorTables.people, key)
            outcome.removed.append(key)
          }
          if isErasure {
            try transaction.put(VectorTables.tombstones, name, change.sequence.value)
          }
        }
        guard isErasure else { continue }
        try erasures.note(
          change.pid, at: change.sequence, removed: outcome.removed.count - countBefore,
          in: &transaction)
        outcome.forgotten += names
      }
      if let last = changes.last {
        try transaction.put(VectorTables.positions, positionName, last.sequence.value)
      }
      return outcome
    }.value
    for key in outcome.removed { try? library.collection(key.second).remove([key.first.bytes]) }
    for name in outcome.forgotten { keys.forget(name) }
    if places.isInUse { job.wake() }
  }

  private struct Outcome: Sendable {
    var removed: [PersonKey] = []
    /// Every name of those who were erased.
    var forgotten: [PseudonymousID] = []
  }
}

extension ConsentChange {
  /// How much of a transaction it takes; 0: it does nothing to the store.
  fileprivate var weight: Int {
    switch kind {
    case .renaming: 1
    case .erasure: 16
    default: endedScopes.isEmpty ? 0 : 16
    }
  }
}

extension WriteTransaction {
  /// Notes a renaming. Whoever was erased stays erased under the new name.
  fileprivate mutating func rename(
    _ former: PseudonymousID, to pid: PseudonymousID, _ rotation: UInt32, in places: PlaceBook
  ) throws {
    try places.note(former, is: pid, rotation: rotation, in: &self) { name, transaction in
      try !transaction.keys(VectorTables.people, .prefix(name), limit: 1).isEmpty
    }
    if let erasedAt = try get(VectorTables.tombstones, former) {
      try put(VectorTables.tombstones, pid, erasedAt)
    }
  }
}

extension VectorLibrary {
  /// The scope that each collection of people is kept for, by name.
  var scopes: [String: Scope] {
    var scopes: [String: Scope] = [:]
    for collection in collections where collection.isOfPeople {
      scopes[collection.name] = collection.record.scope
    }
    return scopes
  }
}
