internal import AuditAPI
internal import AuditLog
internal import CommonAPI
internal import Cryptography
internal import FeaturesAPI
internal import Foundation
internal import Gate
internal import Logging
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import Synchronization
internal import TestSupport
internal import TrainerAPI
internal import Transport
internal import VectorSearchService
internal import VectorsAPI
internal import WireFormat

/// Vector search in a directory, with a consent log, a feature store and a trainer that the test
/// writes.
final class VectorSearchFixture: Sendable {
  let time: ManualTime
  let store: SealedStore
  let service: VectorSearchService
  let keys: TestKeys
  let others: StubServices
  private let changes: Mutex<[ConsentChange]>
  private let directory: URL

  /// Opens the store in `directory`; with those of an earlier one it is a restart.
  init(
    _ directory: URL, others: StubServices, connection: RPCClient,
    restarting earlier: VectorSearchFixture? = nil,
    configuration: VectorSearchConfiguration = VectorSearchConfiguration()
  ) async throws {
    let time = earlier?.time ?? ManualTime()
    self.time = time
    self.directory = directory
    self.others = others
    keys = earlier?.keys ?? TestKeys()
    let ring = try SealingKeyRing(
      current: SealingKey(
        id: KeyID(rawValue: 1), secret: SecretBytes(copying: Array(repeating: 7, count: 32))))
    store = try SealedStore.open(
      at: directory, keys: ring, tables: VectorSearchService.tables + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "vectors"))
    let parts = VectorSearchService.Parts(
      store: store, audit: AuditLog(store: store, time: time), keys: keys,
      features: FeaturesClient(connection), trainer: TrainerClient(connection), time: time,
      random: SeededRandom(seed: 1),
      log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    service = try await VectorSearchService(parts, configuration: configuration) { effects in
      Gate.forTests(time: time, effects: effects)
    }
    let known = earlier?.changes.withLock { $0 } ?? []
    changes = Mutex(known)
    try await service.openPeople()
    try await service.gate.apply(known)
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
    _ pid: PseudonymousID, _ kind: ConsentChange.Kind, _ scopes: [String], days: Int64 = 365
  ) async throws -> String {
    let change = changes.withLock { changes in
      let change = ConsentChange(
        sequence: LogSequenceNumber(UInt64(changes.count + 1)), pid: pid, kind: kind,
        scopes: scopes.compactMap { Scope($0) },
        consentID: ConsentID(at: time.now, random: SystemRandom()), grantedAt: time.now,
        expiresAt: time.now.advanced(byMicroseconds: days * 86_400_000_000))
      changes.append(change)
      return change
    }
    try await service.gate.apply([change])
    return change.consentID.description
  }

  // MARK: Calls

  @discardableResult
  func create(
    _ name: String = "items", dimension: UInt32 = 4, _ metric: Metric = .cosine,
    scope: String = ""
  ) async throws -> Collection {
    try await service.createCollection(
      CreateCollectionRequest(
        name: name, dimension: dimension, metric: metric,
        subject: scope.isEmpty ? .item : .person, scope: scope),
      context: context(VectorsMethods.createCollection))
  }

  @discardableResult
  func upsert(_ vectors: [Vector], to name: String = "items") async throws -> UpsertReply {
    try await service.upsert(
      UpsertRequest(collection: name, vectors: vectors), context: context(VectorsMethods.upsert))
  }

  @discardableResult
  func delete(_ ids: [[UInt8]], from name: String = "items") async throws -> DeleteReply {
    try await service.delete(
      DeleteRequest(collection: name, ids: ids), context: context(VectorsMethods.delete))
  }

  func search(
    _ vector: [Float], in name: String = "items", k: UInt32 = 5, noiseSigma: Double = 0
  ) async throws -> SearchReply {
    try await service.search(
      SearchRequest(
        collection: name, vector: vector, k: k, noiseSigma: noiseSigma, purpose: "test"),
      context: context(VectorsMethods.search))
  }

  @discardableResult
  func publish(_ model: String = "recommender", to name: String = "shop") async throws
    -> PublishReply
  {
    try await service.publish(
      PublishRequest(model: model, collection: name), context: context(VectorsMethods.publish))
  }

  func recommend(
    _ pid: PseudonymousID?, in name: String = "shop", k: UInt32 = 3,
    _ candidates: Candidates = .all, feature: String = "purchases:items",
    scope: String = "product_recs", noiseSigma: Double = 0, atLeast: ConsentToken? = nil
  ) async throws -> RecommendReply {
    try await service.recommend(
      RecommendRequest(
        pid: pid?.bytes ?? [], collection: name, k: k, candidates: candidates,
        historyFeature: feature, scope: scope, asOfUs: time.now.microseconds,
        noiseSigma: noiseSigma, purpose: "test", atLeast: atLeast),
      context: context(VectorsMethods.recommend))
  }

  /// The files of the store.
  func files() throws -> [URL] {
    try FileManager.default.subpathsOfDirectory(atPath: directory.path)
      .map { directory.appending(path: $0) }.filter { !$0.hasDirectoryPath }
      .filter { (try? $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true }
  }

  func audited(_ action: String) throws -> [AuditRecordView] {
    try AuditLog(store: store, time: time).records(limit: 1_000).filter { $0.action == action }
      .map { record in
        AuditRecordView(
          number: record.number, pids: record.pids, consentIDs: record.consentIDs,
          purpose: record.purpose,
          details: Dictionary(
            record.details.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }))
      }
  }
}

/// What the tests look at of an audit entry.
struct AuditRecordView {
  let number: UInt64
  let pids: [[UInt8]]
  let consentIDs: [String]
  let purpose: String
  let details: [String: String]
}

/// Runs `body` with vector search in a directory of its own, beside stubs of the others.
func withVectorSearch(
  configuration: VectorSearchConfiguration = VectorSearchConfiguration(),
  _ body: (VectorSearchFixture) async throws -> Void
) async throws {
  try await withVectorSearchAndRestart(configuration: configuration) { fixture, _ in
    try await body(fixture)
  }
}

/// The same with a function that closes the store and opens it again.
func withVectorSearchAndRestart(
  configuration: VectorSearchConfiguration = VectorSearchConfiguration(),
  _ body: (
    VectorSearchFixture, (VectorSearchFixture) async throws -> VectorSearchFixture
  ) async throws -> Void
) async throws {
  let others = StubServices()
  try await withTemporaryDirectory { directory in
    try await others.withConnection { connection in
      let stores = Mutex<[SealedStore]>([])
      defer { stores.withLock { $0.forEach { $0.close() } } }
      let fixture = try await VectorSearchFixture(
        directory, others: others, connection: connection, configuration: configuration)
      stores.withLock { $0.append(fixture.store) }
      try await body(fixture) { earlier in
        earlier.store.close()
        let next = try await VectorSearchFixture(
          directory, others: others, connection: connection, restarting: earlier,
          configuration: configuration)
        stores.withLock { $0.append(next.store) }
        return next
      }
    }
  }
}

/// Subject keys from a dictionary, in place of the vault.
final class TestKeys: SubjectKeySource {
  private struct State {
    var keys: [PseudonymousID: SealingKey] = [:]
    var forgotten: Set<PseudonymousID> = []
    /// Other names of people.
    var aliases: [PseudonymousID: PseudonymousID] = [:]
    /// How many requests are still answered before one fails; `nil`: all.
    var answersLeft: Int?
  }

  private let state = Mutex(State())

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

  func subjectKeys(of pids: [PseudonymousID]) async throws -> [PseudonymousID: SealingKey] {
    try state.withLock { state in
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
          ?? SealingKey(id: .subject, secret: SecretBytes(random: SystemRandom(), count: 32))
        state.keys[pid] = key
        found[name] = key
      }
      return found
    }
  }

  func forget(_ pid: PseudonymousID) {}
}

func item(_ code: String, _ values: [Float]) -> Vector {
  Vector(id: Array(code.utf8), values: values)
}

/// A pid for each number from 1 to 255.
func person(_ number: Int) -> PseudonymousID {
  let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32)
  guard let pid = PseudonymousID(bytes: bytes) else { preconditionFailure("32 bytes are a pid") }
  return pid
}

extension SearchReply {
  /// The codes of the items found.
  var codes: [String] { hits.map { String(decoding: $0.id, as: UTF8.self) } }
}

/// The code that a call is refused with.
func refusal(_ body: () async throws -> Void) async -> StatusCode? {
  do {
    try await body()
    return nil
  } catch let error as any RPCErrorConvertible {
    return error.rpcError.code
  } catch {
    return .unknown
  }
}
