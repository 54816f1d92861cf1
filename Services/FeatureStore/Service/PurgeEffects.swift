internal import Gate
internal import PrivacyCore
internal import SealedStore
internal import Synchronization

/// What a change of consent does to the store: when a withdrawal takes the last scope that some
/// data of the person is kept for, that data goes; an erasure takes everything and leaves a
/// tombstone.
final class PurgeEffects: GateEffects {
  private let store: SealedStore
  private let views: ViewRegister
  private let cache: PersonCache
  private let keys: any SubjectKeySource
  private let erasures: ErasureBook
  /// Who allows what by the receipts so far of this epoch, whether they have expired or not: expiry
  /// stops serving, and only a withdrawal removes.
  private let granted = Mutex<(epoch: UInt64, scopes: [PseudonymousID: [Scope]])>((0, [:]))

  init(
    store: SealedStore, views: ViewRegister, cache: PersonCache, keys: any SubjectKeySource,
    erasures: ErasureBook
  ) {
    self.store = store
    self.views = views
    self.cache = cache
    self.keys = keys
    self.erasures = erasures
  }

  func apply(_ changes: [ConsentChange], epoch: UInt64) async throws {
    let positionName = Self.positionName(of: epoch)
    let position = LogSequenceNumber(
      try store.read { try $0.get(FeatureTables.positions, positionName) } ?? 0)
    let removals = granted.withLock { granted in
      if granted.epoch != epoch { granted = (epoch, [:]) }
      return changes.compactMap { change -> Removal? in
        Self.fold(change, into: &granted.scopes)
        guard change.kind == .erasure || !change.endedScopes.isEmpty, change.sequence > position
        else { return nil }
        return Removal(
          pid: change.pid, sequence: change.sequence, isErasure: change.kind == .erasure,
          allowed: Set(granted.scopes[change.pid] ?? []))
      }
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
      try snapshot.keys(FeatureTables.events, .prefix(pid)).count
        + snapshot.keys(FeatureTables.rows, .prefix(pid)).count
        + (snapshot.contains(FeatureTables.people, pid) ? 1 : 0)
    }
  }

  /// How many people are purged in one transaction.
  private static let removalCountMax = 64

  private static func positionName(of epoch: UInt64) -> String { "consent/\(epoch)" }

  /// What is to be removed of one person.
  private struct Removal: Sendable {
    let pid: PseudonymousID
    let sequence: LogSequenceNumber
    let isErasure: Bool
    /// What the person allowed after the change.
    let allowed: Set<Scope>
  }

  private static func fold(
    _ change: ConsentChange, into granted: inout [PseudonymousID: [Scope]]
  ) {
    if change.kind == .erasure {
      granted[change.pid] = nil
      return
    }
    if change.kind == .grant {
      let known = granted[change.pid] ?? []
      granted[change.pid] = known + change.scopes.filter { !known.contains($0) }
    }
    guard !change.endedScopes.isEmpty else { return }
    granted[change.pid]?.removeAll(where: change.endedScopes.contains)
    if granted[change.pid]?.isEmpty == true { granted[change.pid] = nil }
  }

  private func perform(_ removals: [Removal], positionName: String) async throws {
    let pids = removals.map(\.pid)
    cache.beginChange(of: pids)
    defer { cache.endChange(of: pids) }
    let catalog = views.catalog
    let erasures = erasures
    try await store.write { transaction in
      for removal in removals {
        let removedCount = try transaction.purge(removal.pid) { part in
          guard !removal.isErasure else { return false }
          return catalog.scopes(of: part).map { !$0.isDisjoint(with: removal.allowed) } ?? true
        }
        if removal.isErasure {
          try transaction.put(FeatureTables.tombstones, removal.pid, removal.sequence.value)
          try erasures.note(
            removal.pid, at: removal.sequence, removed: removedCount, in: &transaction)
        }
      }
      if let last = removals.last {
        try transaction.put(FeatureTables.positions, positionName, last.sequence.value)
      }
    }
    for removal in removals where removal.isErasure { keys.forget(removal.pid) }
  }
}

extension ViewCatalog {
  /// The scopes that a part of a person is kept for; `nil` where no view says so.
  fileprivate func scopes(of part: PersonPart) -> Set<Scope>? {
    switch part {
    case .events(let source): sources[source]?.scopes
    case .rows(let view): views[view]?.scopes
    }
  }
}
