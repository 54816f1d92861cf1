internal import AuditAPI
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
  let store: SealedStore
  let time: ManualTime

  /// Epsilon with which the noise of a count is far below half a person.
  static let exactEpsilon = 500.0

  /// Runs `body` with a trainer that has a budget of epsilon 10 for the data set "orders" and the
  /// purpose "test".
  static func run(
    random: any RandomSource = SeededRandom(seed: 1),
    configuration: TrainerConfiguration = TrainerConfiguration(), delta: Double = 1e-5,
    _ body: (TrainerFixture) async throws -> Void
  ) async throws {
    try await runWithRestart(random: random, configuration: configuration, delta: delta) {
      fixture, _ in try await body(fixture)
    }
  }

  /// The same with a function that closes the store and starts the trainer again on it.
  static func runWithRestart(
    random: any RandomSource = SeededRandom(seed: 1),
    configuration: TrainerConfiguration = TrainerConfiguration(), delta: Double = 1e-5,
    _ body: (TrainerFixture, (TrainerFixture) async throws -> TrainerFixture) async throws -> Void
  ) async throws {
    let features = StubFeatures()
    try await withTemporaryDirectory { directory in
      try await withLoopbackServer({ features.register(on: &$0) }) { connection in
        let time = ManualTime()
        let gate = Gate.forTests(time: time)
        var stores: [SealedStore] = []
        defer { stores.forEach { $0.close() } }
        func start() async throws -> TrainerFixture {
          let kms = try FileKeyManagementService(
            rootKey: SecretBytes(copying: [UInt8](repeating: 9, count: 32)))
          let keys = try await ServiceKeys.open(service: "trainer", directory: directory, kms: kms)
          let store = try SealedStore.open(
            at: directory, keys: try keys.sealingKeys(purpose: "at-rest"),
            tables: TrainerService.tables + AuditLog.tables,
            configuration: StoreConfiguration(serviceName: "trainer"))
          stores.append(store)
          let runtime = try ServiceRuntime(
            service: .trainer, store: store, keys: keys,
            log: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), time: time,
            random: random, connect: { _ in throw RPCError(.unavailable, "nobody else is here") })
          let trainer = try await TrainerService(
            runtime: runtime, features: FeaturesClient(connection), gate: gate,
            configuration: configuration)
          return TrainerFixture(
            features: features, gate: gate, trainer: trainer, store: store, time: time)
        }
        let fixture = try await start()
        try await fixture.open(purpose: "test", epsilonLimit: 10, delta: delta)
        try await body(fixture) { earlier in
          earlier.store.close()
          return try await start()
        }
      }
    }
  }

  func context(_ method: MethodDescriptor) -> CallContext {
    CallContext(peer: .local, method: method, time: time)
  }

  var audit: AuditLog { AuditLog(store: store, time: time) }

  /// The details of the audit records of one kind.
  func audited(_ action: String) throws -> [[String: String]] {
    try audit.records(limit: 1_000).filter { $0.action == action }.map { record in
      Dictionary(record.details.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }
  }

  var nowUs: Int64 { time.now.microseconds }

  /// From here on nothing can be read or written.
  func closeStore() { store.close() }

  // MARK: Budgets

  /// Opens a budget.
  func open(
    dataset: String = "orders", purpose: String, epsilonLimit: Double, delta: Double = 1e-5
  ) async throws {
    _ = try await trainer.createBudget(
      CreateBudgetRequest(
        dataset: dataset, purpose: purpose, epsilonLimit: epsilonLimit, delta: delta),
      context: context(TrainerMethods.createBudget))
  }

  /// Opens the budget "exact", out of which counts come nearly without noise.
  func openExact() async throws { try await open(purpose: "exact", epsilonLimit: 5_400) }

  func budget(_ purpose: String = "test") async throws -> Budget {
    try await trainer.showBudget(
      ShowBudgetRequest(dataset: "orders", purpose: purpose),
      context: context(TrainerMethods.showBudget))
  }

  func charges(_ purpose: String = "test") async throws -> [Charge] {
    try await trainer.ledger(
      LedgerRequest(dataset: "orders", purpose: purpose),
      context: context(TrainerMethods.ledger)
    ).charges
  }

  // MARK: Questions and models

  func countPeople(epsilon: Double = 1) async throws -> QueryReply {
    try await query { $0.epsilon = epsilon }
  }

  /// A count of people with epsilon 1 out of the budget "test", changed by `change`.
  func query(_ change: (inout QueryRequest) -> Void) async throws -> QueryReply {
    var request = QueryRequest(
      dataset: "orders", purpose: "test", epsilon: 1, scope: "analytics")
    change(&request)
    return try await trainer.query(request, context: context(TrainerMethods.query))
  }

  /// A nearly exact answer; needs `openExact()`.
  func exact(feature: String = "", keys: [String] = []) async throws -> [Int64] {
    try await query { request in
      request.purpose = "exact"
      request.epsilon = Self.exactEpsilon
      request.feature = feature
      request.keys = keys
    }.counts.map(\.count)
  }

  /// Trains a model over two items with epsilon 1 out of the budget "test", changed by `change`.
  @discardableResult
  func train(
    _ change: (inout TrainRequest) -> Void = { _ in },
    send: (TrainProgress) async throws -> Void = { _ in }
  ) async throws -> Model? {
    var request = TrainRequest(
      name: "recommender", dataset: "orders", purpose: "test", historyFeature: "purchases:items",
      scope: "analytics", epsilon: 1,
      catalogue: [
        CatalogueItem(item: "a", text: "RED LANTERN"), CatalogueItem(item: "b", text: "TEA POT"),
      ])
    change(&request)
    var model: Model?
    try await trainer.train(request, context: context(TrainerMethods.train)) { progress in
      model = progress.model ?? model
      try await send(progress)
    }
    return model
  }

  func show(_ name: String) async throws -> Model {
    try await trainer.showModel(
      ShowModelRequest(model: name), context: context(TrainerMethods.showModel))
  }

  func models() async throws -> [Model] {
    try await trainer.listModels(ListModelsRequest(), context: context(TrainerMethods.listModels))
      .models
  }

  // MARK: Consent

  /// Lets the gate know that these people allow "analytics"; answers their receipts' ids.
  @discardableResult
  func grant(_ people: UInt8...) async throws -> [String] { try await grant(people) }

  @discardableResult
  func grant(_ people: [UInt8]) async throws -> [String] {
    try await people.asyncMap { try await change($0, .grant) }
  }

  func withdraw(_ person: UInt8) async throws { _ = try await change(person, .withdrawal) }

  private func change(_ person: UInt8, _ kind: ConsentChange.Kind) async throws -> String {
    guard let scope = Scope("analytics"), let pid = PseudonymousID(bytes: Self.pid(person)) else {
      return ""
    }
    let id = ConsentID(at: time.now, random: SystemRandom())
    try await gate.apply([
      ConsentChange(
        sequence: gate.appliedSequence.next, pid: pid, kind: kind, scopes: [scope], consentID: id,
        grantedAt: time.now, expiresAt: time.now.advanced(byMicroseconds: 86_400_000_000))
    ])
    return id.description
  }

  static func pid(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 32) }
}

extension Array {
  fileprivate func asyncMap<Other>(
    _ transform: (Element) async throws -> Other
  ) async throws -> [Other] {
    var others: [Other] = []
    for element in self { others.append(try await transform(element)) }
    return others
  }
}

/// The code and the details that a call is refused with.
func refusal(_ body: () async throws -> Void) async -> RPCError? {
  do {
    try await body()
    return nil
  } catch let error as any RPCErrorConvertible {
    return error.rpcError
  } catch {
    return RPCError(.unknown, "\(error)")
  }
}
