public import AuditLog
public import KeyManagement
public import Logging
public import PrivacyCore
public import RPC
public import SealedStore
public import TransparencyLog

/// What a service stands on: its store, its keys, its log, its clock and its way to the others.
public struct ServiceRuntime: Sendable {
  /// Which service it is.
  public let service: WellKnownService
  /// The service's own store, open.
  public let store: SealedStore
  /// The service's own keys.
  public let keys: ServiceKeys
  /// The audit log in the store.
  public let audit: AuditLog
  /// Where the service logs.
  public let log: Logger
  /// Where the time comes from.
  public let time: any TimeSource
  /// Where randomness comes from.
  public let random: any RandomSource

  private let connect: @Sendable (WellKnownService) throws -> RPCClient

  /// The parts, put together; `connect` makes a client of another service. The audit log signs with
  /// a key of the service's own and takes the cosignatures of `witnesses`; its tasks run on
  /// `executor`, `nil` being Swift's pool.
  ///
  /// - Throws: where the service's keys give none to sign with.
  public init(
    service: WellKnownService, store: SealedStore, keys: ServiceKeys, log: Logger,
    time: any TimeSource = SystemTime(), random: any RandomSource = SystemRandom(),
    witnesses: [NoteKey] = [], executor: (any TaskExecutor)? = nil,
    connect: @escaping @Sendable (WellKnownService) throws -> RPCClient
  ) throws {
    self.service = service
    self.store = store
    self.keys = keys
    var configuration = AuditLogConfiguration()
    configuration.witnesses = witnesses
    self.audit = AuditLog(
      store: store, time: time,
      signer: try NoteSigner(
        name: Self.logOrigin(of: service, store: store), kind: .note,
        key: try keys.signingKey(purpose: "audit-signing")),
      configuration: configuration, executor: executor)
    self.log = log
    self.time = time
    self.random = random
    self.connect = connect
  }

  /// The name of the service's log: no two stores have the same.
  private static func logOrigin(of service: WellKnownService, store: SealedStore) -> String {
    "tacit/\(service.rawValue)/\(Hexadecimal.encode(store.storeID.prefix(8)))"
  }

  /// A client of another service; it connects with the first call.
  public func client(of service: WellKnownService) throws -> RPCClient { try connect(service) }
}

/// What a service is to the program that serves it.
public protocol TacitService: Sendable {
  /// The tables of its store, without the audit log's.
  static var tables: [any StoreTableDescribing] { get }

  /// Adds its methods.
  func register(on router: inout Router)

  /// What it does besides answering calls; returns or throws when its task is cancelled.
  func run() async throws

  /// Whether it can answer calls as it should: `nil`, or what it waits for.
  func obstacle() async -> String?

  /// What it holds, for people: name and number.
  func measures() async -> [(name: String, value: Double)]
}

extension TacitService {
  public func run() async throws {
    // A service without background work only waits for its end.
    while !Task.isCancelled { try await Task.sleep(for: .seconds(3_600)) }
  }

  public func obstacle() async -> String? { nil }
}
