internal import AuditAPI
internal import AuditLog
internal import ConsentService
internal import Cryptography
internal import FeatureStoreService
package import Foundation
internal import IdentityVaultService
internal import KeyManagement
internal import Logging
internal import NIOCore
internal import PrivacyCore
package import RPC
internal import SealedStore
package import ServiceKit
package import Simulation
internal import TrainerService
internal import Transport
internal import VectorSearchService
internal import WireFormat

/// The five services, each in a process of a simulated world, talking to each other over its
/// network: the code of the programs from the store to the RPC, without files, sockets and threads.
///
/// `@unchecked Sendable`: see `World`.
package final class SimulatedStack: @unchecked Sendable {
  /// The world they live in.
  package let world: World
  /// The processes by service; the next life of one takes the place of the one before.
  package private(set) var processes: [WellKnownService: SimulatedProcess] = [:]
  /// Why the last life of a service ended by itself.
  package private(set) var failures: [WellKnownService: String] = [:]

  private let keys: URL
  private var disks: [WellKnownService: MemoryDisk] = [:]

  private static let log = Logger(label: "simulation", factory: { _ in SwiftLogNoOpLogHandler() })

  /// All five, started in a new world, ready when this returns.
  ///
  /// - Parameter keys: an empty directory for the services' wrapped keys.
  package init(seed: UInt64, keys: URL) {
    world = World(seed: seed)
    self.keys = keys
    for service in WellKnownService.allCases {
      disks[service] = MemoryDisk()
      start(service)
    }
    world.run(for: 1_000_000)
  }

  /// Begins a life of a service on what the one before has left.
  package func start(_ service: WellKnownService) {
    guard processes[service]?.isDead != false, let disk = disks[service] else { return }
    let process = world.process(service.rawValue)
    processes[service] = process
    failures[service] = nil
    process.start { [self] in
      do {
        try await serve(service, in: process, on: disk)
      } catch {
        if !process.isDead { failures[service] = "\(error)" }
        process.kill()
      }
    }
  }

  /// Ends a service at once.
  package func kill(_ service: WellKnownService) { processes[service]?.kill() }

  /// Cuts two services off from each other, or lets them meet again.
  package func block(_ one: WellKnownService, _ other: WellKnownService, _ isBlocked: Bool = true) {
    for (from, to) in [(one, other), (other, one)] {
      world.network[from: from.rawValue, to: to.rawValue].isBlocked = isBlocked
    }
  }

  /// Runs `body` as a caller from outside, and lets time pass until it has ended.
  ///
  /// - Returns: what it answers; `nil` where it does not end within `limitMs` of simulated time.
  package func call<Answer: Sendable>(
    limitMs: Int64 = 60_000, _ body: @escaping @Sendable (Caller) async throws -> Answer
  ) throws -> Answer? {
    // As the pipeline, which may record people.
    let process = world.process("pipeline")
    let outcome = Outcome<Answer>()
    process.start { [self] in
      do {
        outcome.value = .success(try await body(Caller(stack: self, process: process)))
      } catch {
        outcome.value = .failure(error)
      }
    }
    world.run(until: world.now + limitMs * 1_000) { outcome.value != nil }
    process.kill()
    return try outcome.value?.get()
  }

  /// `@unchecked Sendable`: see `World`.
  private final class Outcome<Answer>: @unchecked Sendable {
    var value: Result<Answer, any Error>?
  }

  /// Somebody outside who calls services.
  package struct Caller: Sendable {
    fileprivate let stack: SimulatedStack
    /// Its process.
    package let process: SimulatedProcess

    /// A client of a service.
    package func client(of service: WellKnownService) throws -> RPCClient {
      try stack.client(of: service, in: process)
    }
  }

  // MARK: - One service

  private func client(
    of service: WellKnownService, in process: SimulatedProcess
  ) throws -> RPCClient {
    try RPCClient(
      endpoints: [try Endpoint(service.defaultEndpointText)], security: .plainLoopback,
      configuration: ClientConfiguration(), network: process.network, time: process.time,
      random: process.random, log: Self.log)
  }

  private func serve(
    _ service: WellKnownService, in process: SimulatedProcess, on disk: MemoryDisk
  ) async throws {
    let keys = try await ServiceKeys.open(
      service: service.rawValue, directory: keys.appending(path: service.rawValue),
      kms: OpenKeyManagement(), random: process.random, time: process.time)
    let world = world
    let store = try SealedStore.inMemory(
      on: disk, keys: try keys.sealingKeys(purpose: "at-rest"),
      tables: Self.tables(of: service) + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: service.rawValue), random: process.random
    ) { commit in
      process.after(world.random.number(in: 50...800)) { commit() }
    }
    _ = process.atDeath { store.die(committing: world.random.happens(perMille: 500)) }
    let runtime = try ServiceRuntime(
      service: service, store: store, keys: keys, log: Self.log, time: process.time,
      random: process.random, executor: process.network.taskExecutor,
      connect: { [self] in try client(of: $0, in: process) })
    let made = try await Self.make(service, runtime)
    var router = Router()
    made.register(on: &router)
    AuditService(audit: runtime.audit).register(on: &router)
    let server = RPCServer(
      router: router, endpoint: try Endpoint(service.defaultEndpointText),
      security: .plainLoopback, authorizer: OpenDoor(), network: process.network,
      time: process.time, log: Self.log)
    try await server.start()
    try await made.run()
  }

  private static func tables(of service: WellKnownService) -> [any StoreTableDescribing] {
    switch service {
    case .consent: ConsentService.tables
    case .vault: IdentityVaultService.tables
    case .features: FeatureStoreService.tables
    case .trainer: TrainerService.tables
    case .vectors: VectorSearchService.tables
    }
  }

  private static func make(
    _ service: WellKnownService, _ runtime: ServiceRuntime
  ) async throws -> any TacitService {
    switch service {
    case .consent: try await ConsentService(runtime: runtime)
    case .vault: try await IdentityVaultService(runtime: runtime)
    case .features: try FeatureStoreService(runtime)
    case .trainer: try await TrainerService(runtime)
    case .vectors: try await VectorSearchService(runtime)
    }
  }
}

/// Everybody may call everything: who may is not what is looked at here.
private struct OpenDoor: MethodAuthorizer {
  func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool { true }
}

/// A key management service that keeps nothing secret: keys of simulations only.
private struct OpenKeyManagement: KeyManagementService {
  var providerName: String { "simulation" }

  func wrap(
    _ key: borrowing SecretBytes, context: [String: String]
  ) async throws(KeyManagementError) -> WrappedKey {
    WrappedKey(
      provider: providerName, rootKeyName: "open",
      ciphertext: key.withUnsafeBytes { Array($0) })
  }

  func unwrap(
    _ wrapped: WrappedKey, context: [String: String]
  ) async throws(KeyManagementError) -> SecretBytes {
    SecretBytes(copying: wrapped.ciphertext)
  }
}
