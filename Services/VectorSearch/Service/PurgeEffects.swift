internal import Gate
internal import PrivacyCore
internal import SealedStore

/// What a change of consent does to the store: a withdrawal takes the person out of every
/// collection that is kept for what was withdrawn; an erasure takes everything and leaves a
/// tombstone.
struct PurgeEffects: GateEffects {
  let library: VectorLibrary
  let keys: any SubjectKeySource
  let erasures: ErasureBook

  func apply(_ changes: [ConsentChange], epoch: UInt64) async throws {
    let store = library.store
    let positionName = Self.positionName(of: epoch)
    let position = LogSequenceNumber(
      try store.read { try $0.get(VectorTables.positions, positionName) } ?? 0)
    let removals = changes.filter {
      ($0.kind == .erasure || !$0.endedScopes.isEmpty) && $0.sequence > position
    }
    for start in stride(from: 0, to: removals.count, by: Self.removalCountMax) {
      try await perform(
        Array(removals[start..<min(removals.count, start + Self.removalCountMax)]),
        positionName: positionName)
    }
  }

  func statement(
    of pid: PseudonymousID, erasedAt sequence: LogSequenceNumber
  ) async throws -> [UInt8] {
    try erasures.statement(of: pid, at: sequence) { snapshot in
      try snapshot.keys(VectorTables.people, .prefix(pid)).count
    }
  }

  /// How many people are purged in one transaction.
  private static let removalCountMax = 64

  private static func positionName(of epoch: UInt64) -> String { "consent/\(epoch)" }

  private func perform(_ removals: [ConsentChange], positionName: String) async throws {
    let scopes = library.scopes
    let removed = try await library.store.write { transaction in
      var removed: [PersonKey] = []
      for removal in removals {
        let countBefore = removed.count
        for key in try transaction.keys(VectorTables.people, .prefix(removal.pid)) {
          // A collection that is not known keeps nothing for anybody.
          let isKept =
            removal.kind != .erasure
            && scopes[key.second].map { !removal.endedScopes.contains($0) } ?? false
          guard !isKept else { continue }
          try transaction.delete(VectorTables.people, key)
          removed.append(key)
        }
        if removal.kind == .erasure {
          try transaction.put(VectorTables.tombstones, removal.pid, removal.sequence.value)
          try erasures.note(
            removal.pid, at: removal.sequence, removed: removed.count - countBefore,
            in: &transaction)
        }
      }
      if let last = removals.last {
        try transaction.put(VectorTables.positions, positionName, last.sequence.value)
      }
      return removed
    }.value
    for key in removed { try? library.collection(key.second).remove([key.first.bytes]) }
    for removal in removals where removal.kind == .erasure { keys.forget(removal.pid) }
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
