internal import AuditLog
internal import Cryptography
internal import FeatureStoreService
internal import FeaturesAPI
internal import Foundation
internal import Gate
internal import Logging
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import Synchronization
internal import TestSupport
internal import TransparencyLog
internal import Transport
internal import WireFormat

/// Subject keys from a dictionary, in place of the vault.
final class TestKeys: SubjectKeySource {
  private struct State {
    var keys: [PseudonymousID: SealingKey] = [:]
    var forgotten: Set<PseudonymousID> = []
    /// Other names of people.
    var aliases: [PseudonymousID: PseudonymousID] = [:]
    /// How many requests are still answered before one fails; `nil`: all.
    var answersLeft: Int?
    var requestCount = 0
    var duringNextRequest: (@Sendable () async throws -> Void)?
  }

  private let state = Mutex(State())

  /// How often keys were asked for.
  var requestCount: Int { state.withLock { $0.requestCount } }

  /// As the vault does when it forgets a person.
  func destroy(_ pid: PseudonymousID) {
    state.withLock { state in
      let person = state.aliases[pid] ?? pid
      state.keys[person] = nil
      state.forgotten.insert(person)
    }
  }

  /// As the vault does when it knows a person under another pid too.
  func rename(_ former: PseudonymousID, to pid: PseudonymousID) {
    state.withLock { state in state.aliases[pid] = state.aliases[former] ?? former }
  }

  /// Answers only so many requests before one fails.
  func fail(after count: Int?) { state.withLock { $0.answersLeft = count } }

  /// Does something while the next request waits for its keys.
  func duringNextRequest(_ body: @escaping @Sendable () async throws -> Void) {
    state.withLock { $0.duringNextRequest = body }
  }

  func subjectKeys(of pids: [PseudonymousID]) async throws -> [PseudonymousID: SealingKey] {
    let body = state.withLock { state in
      defer { state.duringNextRequest = nil }
      return state.duringNextRequest
    }
    try await body?()
    return try state.withLock { state in
      state.requestCount += 1
      if let left = state.answersLeft {
        guard left > 0 else { throw CancellationError() }
        state.answersLeft = left - 1
      }
      var found: [PseudonymousID: SealingKey] = [:]
      for name in pids {
        let pid = state.aliases[name] ?? name
        guard !state.forgotten.contains(pid) else { continue }
        let key =
          try state.keys[pid]
          ?? SealingKey(
            id: .subject, secret: SecretBytes(random: SystemRandom(), count: 32))
        state.keys[pid] = key
        found[name] = key
      }
      return found
    }
  }

  func forget(_ pid: PseudonymousID) {}
}

/// A feature store in a directory, with a consent log that the test writes.
final class FeatureStoreFixture: Sendable {
  let time: ManualTime
  let store: SealedStore
  let service: FeatureStoreService
  let keys: TestKeys
  private let epoch: UInt64
  private let changes: Mutex<[ConsentChange]>

  static let views = """
    views:
      - name: purchases
        entity: customer
        source: orders
        features:
          - {name: lines, type: int, aggregate: count, window: 90d, scope: analytics, default: 0}
          - {name: spend, type: double, aggregate: sum, field: amount, scope: analytics}
          - {name: items, type: tallies, aggregate: tally, field: item, scope: product_recs}
      - name: visits
        entity: customer
        source: site
        features:
          - {name: pages, type: int, aggregate: count, scope: web}
      - name: profile
        entity: customer
        ttl: 10d
        features:
          - {name: segment, type: string, scope: analytics, default: none}
          - {name: score, type: double, scope: analytics}
          - {name: country, type: string, scope: geo}
    """

  static let ring: SealingKeyRing? = try? SealingKeyRing(
    current: SealingKey(
      id: KeyID(rawValue: 1), secret: SecretBytes(copying: Array(repeating: 7, count: 32))))

  /// Opens the store in `directory`; with the changes and keys of an earlier one it is a restart.
  ///
  /// - Parameter epoch: of the consent log; in another one than before, the log is empty.
  init(
    _ directory: URL, restarting earlier: FeatureStoreFixture? = nil, epoch: UInt64 = 1,
    configuration: FeatureStoreConfiguration = FeatureStoreConfiguration()
  ) async throws {
    guard let ring = Self.ring else { throw CancellationError() }
    let time = earlier?.time ?? ManualTime()
    self.time = time
    keys = earlier?.keys ?? TestKeys()
    store = try SealedStore.open(
      at: directory, keys: ring, tables: FeatureStoreService.tables + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "features"))
    let audit = AuditLog(
      store: store, time: time,
      signer: try NoteSigner(
        name: "tacit/features/test", kind: .note,
        key: SigningKey(seed: SecretBytes(copying: [UInt8](repeating: 5, count: 32)))))
    service = try FeatureStoreService(
      store: store, audit: audit, keys: keys, time: time,
      log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
      configuration: configuration
    ) { effects in Gate.forTests(time: time, effects: effects) }
    try service.gate.giveTokenKey(epoch: epoch, key: Array(repeating: 3, count: 32))
    self.epoch = epoch
    let known = earlier?.epoch == epoch ? earlier?.changes.withLock { $0 } ?? [] : []
    changes = Mutex(known)
    try await service.gate.apply(known)
    if earlier == nil { try await apply(Self.views) }
  }

  @discardableResult
  func apply(_ yaml: String) async throws -> ApplyViewsReply {
    try await service.applyViews(
      ApplyViewsRequest(yaml: yaml), context: context(FeaturesMethods.applyViews))
  }

  func context(_ method: MethodDescriptor) -> CallContext {
    CallContext(peer: .local, method: method, time: time)
  }

  // MARK: Consent

  /// Records a receipt for these scopes and gives its id.
  @discardableResult
  func grant(_ pid: PseudonymousID, _ scopes: String..., days: Int64 = 365) async throws -> String {
    try await change(pid, .grant, scopes, days: days)
  }

  func withdraw(_ pid: PseudonymousID, _ scopes: String...) async throws {
    try await change(pid, .withdrawal, scopes)
  }

  /// Records another kind of receipt for these scopes.
  func record(
    _ kind: ConsentChange.Kind, _ pid: PseudonymousID, _ scopes: String...,
    denied: [String] = []
  ) async throws {
    try await change(pid, kind, scopes, denied: denied)
  }

  func erase(_ pid: PseudonymousID) async throws { try await change(pid, .erasure, []) }

  /// Records that a person has another pid from now on.
  func rename(
    _ former: PseudonymousID, to pid: PseudonymousID, rotation: UInt32 = 1
  ) async throws {
    keys.rename(former, to: pid)
    try await change(pid, .renaming(former: former, rotation: rotation), [])
  }

  @discardableResult
  private func change(
    _ pid: PseudonymousID, _ kind: ConsentChange.Kind, _ scopes: [String],
    denied: [String] = [], days: Int64 = 365
  ) async throws -> String {
    let change = changes.withLock { changes in
      let change = ConsentChange(
        sequence: LogSequenceNumber(UInt64(changes.count + 1)), pid: pid, kind: kind,
        scopes: scopes.compactMap { Scope($0) },
        deniedScopes: denied.compactMap { Scope($0) },
        consentID: ConsentID(at: time.now, random: SystemRandom()), grantedAt: time.now,
        expiresAt: time.now.advanced(byMicroseconds: days * 86_400_000_000))
      changes.append(change)
      return change
    }
    try await service.gate.apply([change])
    return change.consentID.description
  }

  // MARK: Calls

  func event(
    _ pid: PseudonymousID, _ consentID: String, id: String, daysAgo: Int64 = 0,
    _ fields: [String: FeatureDatum] = [:]
  ) -> Event {
    Event(
      pid: pid.bytes, consentID: consentID, eventID: id,
      eventTimeUs: time.now.microseconds - daysAgo * 86_400_000_000,
      fields: fields.map { Field(name: $0.key, value: Self.message($0.value)) })
  }

  func row(
    _ pid: PseudonymousID, _ consentID: String, daysAgo: Int64 = 0,
    _ fields: [String: FeatureDatum?]
  ) -> Row {
    Row(
      pid: pid.bytes, consentID: consentID,
      eventTimeUs: time.now.microseconds - daysAgo * 86_400_000_000,
      fields: fields.map { Field(name: $0.key, value: $0.value.map(Self.message)) })
  }

  static func message(_ datum: FeatureDatum) -> Value {
    switch datum {
    case .int(let value): Value(kind: .intValue(value))
    case .double(let value): Value(kind: .doubleValue(value))
    case .string(let value): Value(kind: .stringValue(value))
    case .bool(let value): Value(kind: .boolValue(value))
    case .strings(let values): Value(kind: .strings(StringList(values: values)))
    case .tallies: Value(kind: .tallies(TallyList()))
    }
  }

  @discardableResult
  func write(_ events: [Event], source: String = "orders") async throws -> WriteReply {
    try await service.writeEvents(
      WriteEventsRequest(source: source, events: events),
      context: context(FeaturesMethods.writeEvents))
  }

  @discardableResult
  func write(_ rows: [Row], view: String = "profile") async throws -> WriteReply {
    try await service.writeRows(
      WriteRowsRequest(view: view, rows: rows), context: context(FeaturesMethods.writeRows))
  }

  func get(
    _ pids: [PseudonymousID], _ features: [String], asOf: Timestamp? = nil
  ) async throws -> GetReply {
    try await service.get(
      GetRequest(
        pids: pids.map(\.bytes), features: features, asOfUs: asOf?.microseconds ?? 0,
        purpose: "test"), context: context(FeaturesMethods.get))
  }

  /// The one feature of the one person.
  func value(
    _ pid: PseudonymousID, _ feature: String, asOf: Timestamp? = nil
  ) async throws -> FeatureValue {
    try await get([pid], [feature], asOf: asOf).rows[0].features[0]
  }

  func trainingSet(_ features: [String], scope: String) async throws -> [TrainingBatch] {
    let batches = Mutex<[TrainingBatch]>([])
    try await service.trainingSet(
      TrainingSetRequest(features: features, scope: scope, purpose: "test"),
      context: context(FeaturesMethods.trainingSet)
    ) { batch in batches.withLock { $0.append(batch) } }
    return batches.withLock { $0 }
  }

  /// How many rows of people there are in the store, of any kind.
  func measure(_ name: String) async -> Double? {
    await service.measures().first { $0.name == name }?.value
  }
}

/// Runs `body` with a feature store in a directory of its own.
func withFeatureStore(
  configuration: FeatureStoreConfiguration = FeatureStoreConfiguration(),
  _ body: (FeatureStoreFixture) async throws -> Void
) async throws {
  try await withTemporaryDirectory { directory in
    let fixture = try await FeatureStoreFixture(directory, configuration: configuration)
    defer { fixture.store.close() }
    try await body(fixture)
  }
}

/// A pid for each number.
func person(_ number: Int) -> PseudonymousID {
  var bytes = [UInt8](repeating: 0, count: 32)
  for index in 0..<8 {
    bytes[index] = UInt8(truncatingIfNeeded: (number &* 0x9E37_79B9) >> (index * 8))
  }
  bytes[31] = UInt8(truncatingIfNeeded: number)
  bytes[30] = UInt8(truncatingIfNeeded: number >> 8)
  guard let pid = PseudonymousID(bytes: bytes) else { preconditionFailure("32 bytes are a pid") }
  return pid
}
