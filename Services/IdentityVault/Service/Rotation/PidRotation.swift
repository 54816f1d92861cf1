internal import AuditLog
internal import Logging
internal import PrivacyCore
package import RPC
internal import SealedStore
internal import ServiceKit
internal import StoredMessages
internal import Synchronization
internal import Transport
package import VaultAPI

/// Gives everybody of a domain another pid, made with another key, while everything goes on: see
/// `docs/decisions/0017-renaming-people.md`.
///
/// The store says how far it is, and each step is one transaction with its entry in the audit log: a
/// process that ends anywhere goes on where it was. What calls need to know lies in the keyring, and
/// is replaced after the transaction; a call that records somebody with the keys of before is told so
/// by its own transaction, and begins again.
package final class PidRotation: RotationServing {
  struct State {
    /// What services last told of the rotation, by name.
    var reports: [String: ServiceRekeying] = [:]
    /// People a second whose rows the vault moved last.
    var peoplePerSecond = 0.0
  }

  /// Who must have looked through its store before former pids are nobody's.
  static let stores: [WellKnownService] = [.consent, .features, .vectors]
  /// So many renamings may be on their way when new pids begin to be given out: newcomers add to them
  /// all the time.
  package static let renamingsUnderWayMax: UInt64 = 1_024
  /// The most renamings of one page.
  package static let renamingsPerPageMax = 1_024
  /// The most pids that one call asks about, as in the schema.
  package static let standingsMax = 4_096
  /// When services tell next, in milliseconds: while a rotation runs, and at all other times.
  package static let reportAfterMs: (running: UInt32, idle: UInt32) = (500, 10_000)

  let registry: PersonRegistry
  let log: Logger
  let state: Mutex<State>
  private let firstDomain: String
  /// One at a time replaces what calls know: never by something older.
  private let refreshing = Mutex(())

  var store: SealedStore { registry.store }
  var keyring: PidKeyring { registry.keyring }
  var time: any TimeSource { registry.time }

  /// Takes up what the store holds.
  init(registry: PersonRegistry, firstDomain: String, log: Logger) throws {
    self.registry = registry
    self.firstDomain = firstDomain
    self.log = log
    let reports = try registry.store.read { try $0.rows(RotationTables.reports) }
    state = Mutex(
      State(
        reports: Dictionary(
          uniqueKeysWithValues: reports.map { ($0.key, $0.value.message) })))
    try refresh()
  }

  // MARK: - What calls know

  /// Lets calls know what the store says.
  func refresh() throws {
    try refreshing.withLock { _ in
      let (found, settled) = try store.read { snapshot in
        let record = try PersonRegistry.rotation(in: snapshot)
        let place = KeyPair(keyring.tenant, record?.domain ?? "")
        return (record, try snapshot.get(VaultTables.domains, place)?.message)
      }
      guard let record = found, let settled else { return }
      let next =
        try !record.namesNewcomers
        ? nil
        : keyring.key(
          of: record.domain, settled, version: record.keyVersion, source: record.keySource)
      if next != nil || !record.isRunning { keyring.setNext(next, of: record.domain) }
      guard keyring[record.domain] != nil else { return }
      var keys = try keyring.keys(of: record.domain, settled)
      if record.phase == .dualWrite || record.phase == .dualRead {
        keys.window = RenamingWindow(
          givesNew: record.phase == .dualRead, confirmed: confirmed(record))
      }
      keyring.set(keys, of: record.domain)
    }
  }

  /// Runs `body`, which takes the keys that it works with from the keyring; again where a rotation has
  /// gone on meanwhile and nothing was done.
  func withPresentKeys<Result: Sendable>(
    _ body: () async throws -> Result
  ) async throws -> Result {
    for _ in 0..<3 {
      do {
        return try await body()
      } catch is PidKeysChanged {
        try refresh()
      }
    }
    throw RPCError(.unavailable, "the keys of pids are being replaced; try again")
  }

  /// The pid that is given out for a person whose rows stand under `person`.
  func given(_ person: PseudonymousID) throws -> PseudonymousID {
    guard let window = keyring.window else { return person }
    return try store.read { try PersonRegistry.given(person, window, in: $0) }.pid
  }

  /// Up to which number renamings are in force at every gate: what the consent service told.
  func confirmed(_ record: PidRotationRecord) -> UInt64 {
    min(report(of: .consent, record)?.renamings ?? 0, record.renamings)
  }

  /// What a service last told of this rotation.
  func report(of service: WellKnownService, _ record: PidRotationRecord) -> RekeyReport? {
    let told = state.withLock { $0.reports[service.rawValue] }?.report
    return told?.rotation == record.rotation ? told : nil
  }

  // MARK: - Steps

  package func begin(
    _ request: BeginRotationRequest, context: CallContext
  ) async throws -> RotationStatus {
    let name = request.domain.isEmpty ? firstDomain : request.domain
    guard let keys = keyring[name] else { throw VaultRefusal.unknownDomain }
    guard !keys.current.isOblivious else { throw RotationRefusal.obliviousDomain(name) }
    if let last = try store.read({ try PersonRegistry.rotation(in: $0) }), last.isRunning {
      throw RotationRefusal.running(rotation: last.rotation, domain: last.domain)
    }
    // The names of the last one go first: these tables are of one rotation.
    while try await clearSome() {}
    let place = KeyPair(keyring.tenant, name)
    guard let settled = try store.read({ try $0.get(VaultTables.domains, place)?.message }) else {
      throw VaultRefusal.unknownDomain
    }
    let formerSource = settled.keySource == 0 ? settled.keyVersion : settled.keySource
    let source = keyring.newestSource
    guard !request.independent || source != formerSource else {
      throw RotationRefusal.notIndependent(version: source)
    }
    let version = max(settled.keyVersion, settled.highestKeyVersion) + 1
    keyring.setNext(
      try keyring.key(of: name, settled, version: version, source: source), of: name)
    let now = time.now.microseconds
    let principal = context.peer.spiffeID
    try await store.write { [registry] transaction in
      let last = try PersonRegistry.rotation(in: transaction)
      guard last.map({ !$0.isRunning && $0.cleared }) ?? true else {
        throw RotationRefusal.running(rotation: last?.rotation ?? 0, domain: last?.domain ?? "")
      }
      let record = PidRotationRecord(
        rotation: (last?.rotation ?? 0) + 1, domain: name, phase: .pending,
        formerKeyVersion: settled.keyVersion, keyVersion: version, keySource: source,
        independent: source != formerSource, beganAtUs: now, phaseBeganAtUs: now,
        retiredRotation: last?.retiredRotation ?? 0)
      var domain = settled
      domain.highestKeyVersion = version
      for service in try transaction.keys(RotationTables.reports) {
        try transaction.delete(RotationTables.reports, service)
      }
      try transaction.put(VaultTables.domains, place, StoredMessage(domain))
      try PersonRegistry.put(record, in: &transaction)
      try registry.audit.append(
        record.entry("begin", by: principal), in: &transaction)
    }
    state.withLock { $0.reports = [:] }
    try refresh()
    return try status()
  }

  package func advance(
    _ request: AdvanceRotationRequest, context: CallContext
  ) async throws -> RotationStatus {
    guard let record = try store.read({ try PersonRegistry.rotation(in: $0) }),
      record.phase != .unspecified
    else { throw RotationRefusal.notRunning }
    if request.phase == record.phase { return try status() }
    guard record.isRunning, request.phase.rawValue == record.phase.rawValue + 1 else {
      throw RotationRefusal.notTheNextPhase
    }
    let waits = waits(record)
    guard waits.isEmpty else { throw RotationRefusal.waits(for: waits) }
    // Cases name people by pids, and former ones are about to be nobody's.
    if request.phase == .retired { try await renameCases() }
    let now = time.now.microseconds
    let principal = context.peer.spiffeID
    try await store.write { [self] transaction in
      guard var current = try PersonRegistry.rotation(in: transaction),
        current.rotation == record.rotation, current.phase == record.phase
      else { throw RotationRefusal.notTheNextPhase }
      let waits = self.waits(current)
      guard waits.isEmpty else { throw RotationRefusal.waits(for: waits) }
      current.phase = request.phase
      current.phaseBeganAtUs = now
      switch request.phase {
      case .dualWrite:
        try transaction.put(RotationTables.window, RotationTables.only, EmptyValue())
      case .dualRead:
        try takeKey(of: current, in: &transaction)
      default:
        try transaction.delete(RotationTables.window, RotationTables.only)
        current.retiredRotation = current.rotation
      }
      try PersonRegistry.put(current, in: &transaction)
      try registry.audit.append(current.entry("advance", by: principal), in: &transaction)
    }
    try refresh()
    return try status()
  }

  /// From here on people are recorded under the new key, and the former one is one of the past.
  private func takeKey(
    of record: PidRotationRecord, in transaction: inout WriteTransaction
  ) throws {
    let place = KeyPair(keyring.tenant, record.domain)
    guard var domain = try transaction.get(VaultTables.domains, place)?.message else {
      throw StoreError.corrupted("a domain has no record")
    }
    domain.formerKeyVersions.append(
      FormerKeyVersion(keyVersion: domain.keyVersion, keySource: domain.keySource))
    domain.keyVersion = record.keyVersion
    domain.keySource = record.keySource
    try transaction.put(VaultTables.domains, place, StoredMessage(domain))
  }

  package func abandon(
    _ request: AbandonRotationRequest, context: CallContext
  ) async throws -> RotationStatus {
    let principal = context.peer.spiffeID
    let now = time.now.microseconds
    try await store.write { [registry] transaction in
      guard var record = try PersonRegistry.rotation(in: transaction) else {
        throw RotationRefusal.notRunning
      }
      if record.phase == .unspecified { return }
      guard record.isRunning else { throw RotationRefusal.notRunning }
      guard record.phase == .pending else { throw RotationRefusal.notPending }
      record.phase = .unspecified
      record.phaseBeganAtUs = now
      try PersonRegistry.put(record, in: &transaction)
      try registry.audit.append(record.entry("abandon", by: principal), in: &transaction)
    }
    try refresh()
    return try status()
  }
}
