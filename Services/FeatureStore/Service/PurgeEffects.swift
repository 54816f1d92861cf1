internal import Gate
internal import PrivacyCore
internal import Renaming
internal import SealedStore
internal import Synchronization

/// What a change of consent does to the store: when a withdrawal takes the last scope that some
/// data of the person is kept for, that data goes; an erasure takes everything and leaves a
/// tombstone; a renaming is noted, and the job moves the rows.
final class PurgeEffects: GateEffects {
  private let store: SealedStore
  private let views: ViewRegister
  private let cache: PersonCache
  private let keys: any SubjectKeySource
  private let erasures: ErasureBook
  private let places: PlaceBook
  private let job: RekeyJob
  /// Who allows what by the receipts so far of this epoch, whether they have expired or not: expiry
  /// stops serving, and only a withdrawal removes.
  private let granted = Mutex<(epoch: UInt64, scopes: [PseudonymousID: [Scope]])>((0, [:]))

  init(
    store: SealedStore, views: ViewRegister, cache: PersonCache, keys: any SubjectKeySource,
    erasures: ErasureBook, places: PlaceBook, job: RekeyJob
  ) {
    self.store = store
    self.views = views
    self.cache = cache
    self.keys = keys
    self.erasures = erasures
    self.places = places
    self.job = job
  }

  func apply(_ changes: [ConsentChange], epoch: UInt64) async throws {
    let positionName = Self.positionName(of: epoch)
    let position = LogSequenceNumber(
      try store.read { try $0.get(FeatureTables.positions, positionName) } ?? 0)
    let steps = granted.withLock { granted in
      if granted.epoch != epoch { granted = (epoch, [:]) }
      return changes.compactMap { change -> Step? in
        Self.fold(change, into: &granted.scopes)
        guard change.sequence > position else { return nil }
        switch change.kind {
        case .renaming(let former, let rotation):
          return Step(change, .renaming(former: former, rotation: rotation))
        case .erasure: return Step(change, .erasure)
        default:
          guard !change.endedScopes.isEmpty else { return nil }
          return Step(change, .removal(allowed: Set(granted.scopes[change.pid] ?? [])))
        }
      }
    }
    var rest = steps[...]
    while !rest.isEmpty {
      var weight = 0
      let piece = rest.prefix { step in
        weight += step.weight
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
        try count + snapshot.keys(FeatureTables.events, .prefix(name)).count
          + snapshot.keys(FeatureTables.rows, .prefix(name)).count
          + (snapshot.contains(FeatureTables.people, name) ? 1 : 0)
      }
    }
  }

  /// The most weight of one transaction: 64 people who are purged, or 1,024 who are renamed.
  private static let weightMax = 1_024

  private static func positionName(of epoch: UInt64) -> String { "consent/\(epoch)" }

  /// What is to be done to one person.
  private struct Step: Sendable {
    enum Kind: Sendable {
      /// What is kept for nothing that the person allows after the change goes.
      case removal(allowed: Set<Scope>)
      case erasure
      case renaming(former: PseudonymousID, rotation: UInt32)
    }

    let pid: PseudonymousID
    let sequence: LogSequenceNumber
    let kind: Kind

    init(_ change: ConsentChange, _ kind: Kind) {
      pid = change.pid
      sequence = change.sequence
      self.kind = kind
    }

    var weight: Int {
      if case .renaming = kind { 1 } else { 16 }
    }

    /// The pids that it speaks of.
    var pids: [PseudonymousID] {
      if case .renaming(let former, _) = kind { [former, pid] } else { [pid] }
    }
  }

  private static func fold(
    _ change: ConsentChange, into granted: inout [PseudonymousID: [Scope]]
  ) {
    switch change.kind {
    case .erasure:
      granted[change.pid] = nil
      return
    case .renaming(let former, _):
      guard let scopes = granted.removeValue(forKey: former) else { return }
      let known = granted[change.pid] ?? []
      granted[change.pid] = known + scopes.filter { !known.contains($0) }
      return
    case .grant:
      let known = granted[change.pid] ?? []
      granted[change.pid] = known + change.scopes.filter { !known.contains($0) }
    default: break
    }
    guard !change.endedScopes.isEmpty else { return }
    granted[change.pid]?.removeAll(where: change.endedScopes.contains)
    if granted[change.pid]?.isEmpty == true { granted[change.pid] = nil }
  }

  private func perform(_ steps: [Step], positionName: String) async throws {
    let catalog = views.catalog
    let (erasures, places) = (erasures, places)
    let pids = steps.flatMap(\.pids)
    let forgotten = try await places.settled(pids) { people in
      let touched = Set(people.values.flatMap(\.names)).union(pids)
      cache.beginChange(of: touched)
      defer { cache.endChange(of: touched) }
      return try await store.write { transaction in
        var forgotten: [PseudonymousID] = []
        for step in steps {
          let names = try places.person(step.pid, in: transaction).names
          guard touched.isSuperset(of: names) else { throw PlaceChanged() }
          switch step.kind {
          case .renaming(let former, let rotation):
            try transaction.rename(former, to: step.pid, rotation, in: places)
          case .removal(let allowed):
            for name in names {
              _ = try transaction.purge(name) { part in
                catalog.scopes(of: part).map { !$0.isDisjoint(with: allowed) } ?? true
              }
            }
          case .erasure:
            var removedCount = 0
            for name in names {
              removedCount += try transaction.purge(name) { _ in false }
              try transaction.put(FeatureTables.tombstones, name, step.sequence.value)
            }
            try erasures.note(
              step.pid, at: step.sequence, removed: removedCount, in: &transaction)
            forgotten += names
          }
        }
        if let last = steps.last {
          try transaction.put(FeatureTables.positions, positionName, last.sequence.value)
        }
        return forgotten
      }.value
    }
    for name in forgotten { keys.forget(name) }
    if places.isInUse { job.wake() }
  }
}

extension WriteTransaction {
  /// Notes a renaming. Whoever was erased stays erased under the new name.
  fileprivate mutating func rename(
    _ former: PseudonymousID, to pid: PseudonymousID, _ rotation: UInt32, in places: PlaceBook
  ) throws {
    try places.note(former, is: pid, rotation: rotation, in: &self) { name, transaction in
      try transaction.contains(FeatureTables.people, name)
    }
    if let erasedAt = try get(FeatureTables.tombstones, former) {
      try put(FeatureTables.tombstones, pid, erasedAt)
    }
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
