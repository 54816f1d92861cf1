internal import AuditAPI
internal import AuditLog
internal import Cryptography
internal import Foundation
internal import HealthAPI
internal import KeyManagement
internal import Logging
internal import PrivacyCore
internal import ReflectionAPI
internal import RPC
internal import SealedStore
internal import ServiceLifecycle
internal import Transport
internal import UnixSignals

/// Runs a service until it is told to stop (SIGTERM or SIGINT): opens its keys and its store,
/// answers calls, and in the end finishes what it has begun.
///
/// - Parameter make: builds the service on what it stands on.
public func serve<Service: TacitService>(
  _ wellKnown: WellKnownService, options: ServeOptions,
  make: (ServiceRuntime) async throws -> Service
) async throws {
  let level = try options.level()
  let log = Logger(label: wellKnown.programName) { _ in
    JSONLinesLogHandler(service: wellKnown.rawValue, level: level)
  }
  let endpoint = try options.endpoint(of: wellKnown)
  let memoryByteCountMax = try options.memoryByteCountMax()
  let security = try options.identity.serverSecurity(of: wellKnown.rawValue)
  let witnesses = try options.logWitnesses()
  let directory = options.storeDirectory(of: wellKnown)
  let kms = try options.keyManagementService(of: wellKnown)
  let keys = try await ServiceKeys.open(
    service: wellKnown.rawValue, directory: directory, kms: kms)
  let store = try SealedStore.open(
    at: directory, keys: try keys.sealingKeys(purpose: KeyRotation.sealingPurpose),
    tables: Service.tables + AuditLog.tables,
    configuration: StoreConfiguration(serviceName: wellKnown.rawValue))
  defer { store.close() }

  let runtime = try ServiceRuntime(
    service: wellKnown, store: store, keys: keys, log: log, witnesses: witnesses,
    connect: { other in
      var configuration = ClientConfiguration()
      configuration.schemaFingerprint = SchemaFingerprint.value
      return try RPCClient(
        endpoints: try options.peerEndpoints(other),
        security: try options.identity.peerSecurity(
          of: wellKnown.rawValue, expects: other.rawValue),
        configuration: configuration, log: log)
    })
  try await runtime.audit.start()
  let service = try await make(runtime)
  let rotation = KeyRotation(runtime: runtime)
  // After the service has asked for its keys, so that the log and those who look know of all.
  try await rotation.continueAtStart()
  let health = HealthService(service, runtime: runtime, rotation: rotation)
  var router = Router()
  service.register(on: &router)
  health.register(on: &router)
  UpkeepService(runtime: runtime).register(on: &router)
  RotationService(rotation).register(on: &router)
  IncidentService(runtime: runtime).register(on: &router)
  AuditService(audit: runtime.audit).register(on: &router)
  ReflectionService(beside: router).register(on: &router)

  var configuration = ServerConfiguration()
  configuration.memoryByteCountMax = memoryByteCountMax
  configuration.schemaFingerprint = SchemaFingerprint.value
  let server = RPCServer(
    router: router, endpoint: endpoint, security: security, authorizer: AccessPolicy(),
    configuration: configuration, log: log)
  let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(
      services: [
        .init(
          service: ServingLoop(
            service: service, server: server, health: health, log: log, directory: directory,
            storeWatch: StoreWatch(store: store, time: runtime.time, log: log)),
          successTerminationBehavior: .gracefullyShutdownGroup)
      ],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: log))
  try await group.run()
  do {
    try await runtime.audit.close()
  } catch {
    // The next start logs the gap.
    log.error("the audit log was not closed", metadata: ["error": "\(error)"])
  }
  log.notice("stopped")
}

/// What runs between start and stop: the service's own background work, then the drain.
private struct ServingLoop: ServiceLifecycle.Service {
  let service: any TacitService
  let server: RPCServer
  let health: HealthService
  let log: Logger
  let directory: URL
  let storeWatch: StoreWatch

  func run() async throws {
    // Not before the group looks out for signals: a service that says it serves can be told to stop,
    // and drains.
    let bound = try await server.start()
    log.notice("serving", metadata: ["endpoint": "\(bound)", "store": "\(directory.path)"])
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await service.run() }
      group.addTask { try await storeWatch.run() }
      group.addTask {
        // Ends with the group's graceful shutdown.
        try? await gracefulShutdown()
        health.drain()
        await server.drain()
      }
      // The background work of a service ends only by failing; the drain ends everything.
      do {
        try await group.next()
      } catch is CancellationError {
      } catch {
        await server.drain()
        group.cancelAll()
        throw error
      }
      group.cancelAll()
    }
  }
}
