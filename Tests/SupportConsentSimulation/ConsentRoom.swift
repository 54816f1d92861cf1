internal import AuditLog
internal import ConsentAPI
internal import ConsentService
internal import Cryptography
internal import Gate
internal import Logging
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import Simulation
internal import Transport
internal import VaultAPI
internal import WireFormat

/// A consent service, its gates and one client in a simulated world: the real code of the service,
/// of the gates and of the RPC, on a network, disks and clocks that the seed decides about.
///
/// `@unchecked Sendable`: see `World`.
final class ConsentRoom: @unchecked Sendable {
  static let gateNames = ["features", "vectors", "trainer"]

  let world: World
  let configuration: ConsentConfiguration
  let endpoint: Endpoint
  private let vaultEndpoint: Endpoint
  /// Who gives people other pids.
  let vault = RenamingVault()
  /// What the consent service leaves behind when it dies.
  let disk = MemoryDisk()
  private(set) var consent: SimulatedProcess?
  /// The newest position of the consent log, as the service that runs now knows it.
  var lastPosition: UInt64 { service?.lastPosition ?? 0 }
  private var service: ConsentService?
  private(set) var gates: [String: GateNode] = [:]
  /// What each gate's service has stored; survives the gate's process.
  private(set) var effects: [String: EffectStore] = [:]

  /// Told what happens, for people who look into one history.
  var trace: ((String) -> Void)?

  func note(_ text: @autoclosure () -> String) {
    if let trace { trace("\(world.now) us: \(text())") }
  }

  static let log = Logger(label: "simulation", factory: { _ in SwiftLogNoOpLogHandler() })

  /// One life of a gate.
  struct GateNode {
    let process: SimulatedProcess
    let gate: Gate
  }

  init(_ world: World, configuration: ConsentConfiguration) throws {
    self.world = world
    self.configuration = configuration
    endpoint = try Endpoint("127.0.0.1:7101")
    vaultEndpoint = try Endpoint("127.0.0.1:7102")
    for name in Self.gateNames { effects[name] = EffectStore() }
  }

  // MARK: - The vault

  /// Begins the life of the vault, which lasts.
  func startVault() {
    let process = world.process("vault")
    process.start { [self] in
      var router = Router()
      vault.register(on: &router)
      let server = RPCServer(
        router: router, endpoint: vaultEndpoint, security: .plainLoopback, authorizer: OpenDoor(),
        network: process.network, time: process.time, log: Self.log)
      _ = try? await server.start()
    }
  }

  // MARK: - The consent service

  /// Begins a life of the consent service on what the one before has left.
  func startConsent() {
    guard consent?.isDead != false else { return }
    let process = world.process("consent", clock: clockFault())
    note("consent starts on \(disk.entryCount) transactions")
    consent = process
    process.start { [self] in
      do {
        try await serve(in: process)
      } catch {
        note("consent ends: \(error)")
        // As a supervisor sees it: the process ends, and somebody starts it again.
        process.kill()
      }
    }
  }

  private func serve(in process: SimulatedProcess) async throws {
    let key = try SealingKey(
      id: KeyID(rawValue: 1), secret: SecretBytes(copying: [UInt8](repeating: 7, count: 32)))
    let world = world
    let store = try SealedStore.inMemory(
      on: disk, keys: SealingKeyRing(current: key),
      tables: ConsentService.tables + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "consent"), random: process.random
    ) { commit in
      process.after(world.random.number(in: 50...800)) { commit() }
    }
    _ = process.atDeath { store.die(committing: world.random.happens(perMille: 500)) }
    let service = try await ConsentService(
      store: store, audit: AuditLog(store: store, time: process.time), vault: WillingVault(),
      rotation: client(in: process, of: vaultEndpoint).map { RotationClient($0) },
      configuration: configuration, secrets: ConsentSecrets(seed: Array("the same".utf8)),
      time: process.time, random: process.random, log: Self.log)
    self.service = service
    var router = Router()
    service.register(on: &router)
    let server = RPCServer(
      router: router, endpoint: endpoint, security: .plainLoopback, authorizer: OpenDoor(),
      network: process.network, time: process.time, log: Self.log)
    try await server.start()
    try await service.run()
  }

  // MARK: - Gates

  /// Begins a life of a gate.
  func startGate(_ name: String) {
    guard gates[name]?.process.isDead != false, let store = effects[name] else { return }
    let process = world.process(name, clock: clockFault())
    note("\(name) starts, its store at \(store.position)")
    guard let line = client(in: process) else { return }
    let gate = Gate(
      name: name, consent: ConsentClient(line),
      effects: SimulatedEffects(process: process, store: store), time: process.time,
      random: process.random, log: Self.log, configuration: gateConfiguration)
    gates[name] = GateNode(process: process, gate: gate)
    process.start { _ = try? await gate.run() }
  }

  /// As patient as its leases are long.
  private var gateConfiguration: GateConfiguration {
    var settings = GateConfiguration()
    settings.silenceMsMax = max(100, 6 * configuration.leaseMs)
    return settings
  }

  /// Puts what a gate's service had stored earlier in the place of what it has stored now.
  func restoreEffects(of name: String, to count: Int) { effects[name]?.truncate(to: count) }

  // MARK: - Parts

  /// A client of the consent service.
  func client(in process: SimulatedProcess) -> RPCClient? { client(in: process, of: endpoint) }

  private func client(in process: SimulatedProcess, of endpoint: Endpoint) -> RPCClient? {
    var settings = ClientConfiguration()
    settings.backoffMs = 5
    settings.backoffMsMax = 50
    // The first packet of a line may be lost for good here, where a network would send it again.
    settings.connectTimeoutMs = max(100, 6 * configuration.leaseMs)
    return try? RPCClient(
      endpoints: [endpoint], security: .plainLoopback, configuration: settings,
      network: process.network, time: process.time, random: process.random, log: Self.log)
  }

  /// Clocks begin anywhere, run a thousandth too fast or too slow at most, and tell another time.
  private func clockFault() -> ClockFault {
    ClockFault(
      monotonicOffset: world.random.number(in: 0...1_000_000_000_000),
      drift: world.random.number(in: -1_000...1_000),
      wallOffset: world.random.number(in: -2_000_000...2_000_000))
  }
}

/// Everybody may call everything: who may is not what is looked at here.
private struct OpenDoor: MethodAuthorizer {
  func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool { true }
}

/// A vault that is always there.
private struct WillingVault: SubjectVault {
  func forget(_ request: ForgetManyRequest) async throws(RPCError) -> ForgetManyReply {
    ForgetManyReply(
      people: request.people.map { _ in ForgetReply(identifiersRemoved: 1, keyDestroyed: true) })
  }

  func forgotten(_ request: ForgottenRequest) async throws(RPCError) -> ForgottenReply {
    ForgottenReply()
  }
}
