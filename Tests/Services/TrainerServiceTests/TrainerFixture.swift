internal import AuditLog
internal import Cryptography
internal import FeaturesAPI
internal import Foundation
internal import Gate
internal import KeyManagement
internal import Logging
internal import PrivacyCore
internal import RPC
internal import RPCTestSupport
internal import SealedStore
internal import ServiceKit
internal import Synchronization
internal import TestSupport
internal import TrainerAPI
internal import TrainerService
internal import Transport
internal import WireFormat

/// A trainer on a real store, with a feature store that says what the test wants and a gate whose
/// lease the test holds.
struct TrainerFixture {
  let features: StubFeatures
  let gate: Gate
  let trainer: TrainerService
  let time: ManualTime

  /// Runs `body` with a trainer that has a budget of epsilon 10 for the data set "orders" and the
  /// purpose "test".
  static func run(_ body: (TrainerFixture) async throws -> Void) async throws {
    let features = StubFeatures()
    try await withTemporaryDirectory { directory in
      try await withLoopbackServer({ features.register(on: &$0) }) { connection in
        let time = ManualTime()
        let kms = try FileKeyManagementService(
          rootKey: SecretBytes(copying: [UInt8](repeating: 9, count: 32)))
        let keys = try await ServiceKeys.open(service: "trainer", directory: directory, kms: kms)
        let store = try SealedStore.open(
          at: directory, keys: try keys.sealingKeys(purpose: "at-rest"),
          tables: TrainerService.tables + [AuditLog.table],
          configuration: StoreConfiguration(serviceName: "trainer"))
        defer { store.close() }
        let gate = Gate.forTests(time: time)
        let runtime = ServiceRuntime(
          service: .trainer, store: store, keys: keys,
          log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), time: time,
          connect: { _ in throw RPCError(.unavailable, "nobody else is here") })
        let trainer = try await TrainerService(
          runtime: runtime, features: FeaturesClient(connection), gate: gate)
        let fixture = TrainerFixture(features: features, gate: gate, trainer: trainer, time: time)
        _ = try await trainer.createBudget(
          CreateBudgetRequest(dataset: "orders", purpose: "test", epsilonLimit: 10, delta: 1e-5),
          context: fixture.context(TrainerMethods.createBudget))
        try await body(fixture)
      }
    }
  }

  func context(_ method: MethodDescriptor) -> CallContext {
    CallContext(peer: .local, method: method, time: time)
  }

  func budget() async throws -> Budget {
    try await trainer.showBudget(
      ShowBudgetRequest(dataset: "orders", purpose: "test"),
      context: context(TrainerMethods.showBudget))
  }

  func countPeople(epsilon: Double = 1) async throws -> QueryReply {
    try await trainer.query(
      QueryRequest(
        dataset: "orders", purpose: "test", epsilon: epsilon, scope: "analytics"),
      context: context(TrainerMethods.query))
  }

  /// Lets the gate know that this person allows "analytics".
  func grant(_ number: UInt8) async throws {
    guard let scope = Scope("analytics"), let pid = PseudonymousID(bytes: Self.pid(number)) else {
      return
    }
    try await gate.apply([
      ConsentChange(
        sequence: LogSequenceNumber(UInt64(number)), pid: pid, kind: .grant, scopes: [scope],
        consentID: ConsentID(at: time.now, random: SystemRandom()), grantedAt: time.now,
        expiresAt: time.now.advanced(byMicroseconds: 86_400_000_000))
    ])
  }

  static func pid(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 32) }
}

/// A feature store with one view over "orders".
final class StubFeatures: FeaturesServing {
  private struct State {
    var people: [UInt8] = []
    var onTrainingSet: (@Sendable () async throws -> Void)?
  }

  private let state = Mutex(State())

  /// Whom the training set holds.
  func hold(_ people: UInt8...) { state.withLock { $0.people = people } }

  /// What happens before the last batch is sent.
  func onTrainingSet(_ body: @escaping @Sendable () async throws -> Void) {
    state.withLock { $0.onTrainingSet = body }
  }

  func listViews(_ request: ListViewsRequest, context: CallContext) async throws -> ListViewsReply {
    ListViewsReply(
      views: [
        ViewDescription(
          name: "purchases", source: "orders",
          features: [FeatureDescription(name: "items", type: "tallies", scope: "analytics")])
      ])
  }

  func trainingSet(
    _ request: TrainingSetRequest, replies: ReplyWriter<TrainingBatch>, context: CallContext
  ) async throws {
    let (people, onTrainingSet) = state.withLock { ($0.people, $0.onTrainingSet) }
    let rows = people.map {
      FeatureRow(pid: TrainerFixture.pid($0), features: [FeatureValue(status: .present)])
    }
    try await replies.send(
      TrainingBatch(rows: rows, peopleSeen: UInt64(rows.count), peopleTotal: UInt64(rows.count)))
    try await onTrainingSet?()
    try await replies.send(TrainingBatch())
  }

  func get(_ request: GetRequest, context: CallContext) async throws -> GetReply { GetReply() }

  func applyViews(
    _ request: ApplyViewsRequest, context: CallContext
  ) async throws -> ApplyViewsReply { ApplyViewsReply() }

  func writeRows(
    _ request: WriteRowsRequest, context: CallContext
  ) async throws -> WriteReply { WriteReply() }

  func writeEvents(
    _ request: WriteEventsRequest, context: CallContext
  ) async throws -> WriteReply { WriteReply() }
}
