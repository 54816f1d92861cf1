import AuditLog
import ConsentAPI
import ConsentService
import ConsentVerifier
import Cryptography
import Foundation
import Gate
import Logging
import PrivacyCore
import RPC
import SealedStore
import ServiceKit
import Synchronization
import TestSupport
import TransparencyLog
import Transport
import VaultAPI

let silentLog = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// A vault that remembers what it was asked to forget, and can be out of reach.
final class FakeVault: SubjectVault {
  private let state = Mutex<(isUp: Bool, forgotten: [[UInt8]])>((true, []))

  var forgotten: [[UInt8]] { state.withLock { $0.forgotten } }

  func setUp(_ isUp: Bool) { state.withLock { $0.isUp = isUp } }

  func forgotten(_ request: ForgottenRequest) async throws(RPCError) -> ForgottenReply {
    let (isUp, forgotten) = state.withLock { ($0.isUp, $0.forgotten) }
    guard isUp else { throw RPCError(.unavailable, "no vault") }
    let pids = Set(forgotten).compactMap { PseudonymousID(bytes: $0) }.sorted()
    // Small pages.
    let page = pids.map(\.bytes).filter { request.afterPid.lexicographicallyPrecedes($0) }.prefix(2)
    return ForgottenReply(pids: Array(page))
  }

  /// The vault's word, under a log key of its own.
  private func statement(_ request: ForgetRequest) -> [UInt8] {
    guard let pid = PseudonymousID(bytes: request.pid) else { return [] }
    var statement = ErasureStatement(
      origin: "tacit/vault/test", service: "vault", pid: pid, sequence: request.erasureSequence,
      atUs: 1, removed: 1, left: 0)
    statement.key = .destroyed(epoch: 3)
    return (try? ConsentFixture.signed(statement)) ?? []
  }

  func forget(_ request: ForgetManyRequest) async throws(RPCError) -> ForgetManyReply {
    let isUp = state.withLock { state in
      if state.isUp { state.forgotten += request.people.map(\.pid) }
      return state.isUp
    }
    guard isUp else { throw RPCError(.unavailable, "no vault") }
    return ForgetManyReply(
      people: request.people.map {
        ForgetReply(identifiersRemoved: 1, keyDestroyed: true, statement: statement($0))
      })
  }
}

/// A consent service on a real store, behind a real server on loopback.
struct ConsentFixture {
  let store: SealedStore
  let audit: AuditLog
  let service: ConsentService
  let server: RPCServer
  let connection: RPCClient
  let endpoint: Endpoint
  let vault: FakeVault

  var client: ConsentClient { ConsentClient(connection) }

  private init(
    directory: URL, vault: FakeVault, rotation: RotationClient?, port: Int,
    configuration: ConsentConfiguration
  ) async throws {
    self.vault = vault
    let key = try SealingKey(
      id: KeyID(rawValue: 1), secret: SecretBytes(copying: [UInt8](repeating: 7, count: 32)))
    store = try SealedStore.open(
      at: directory, keys: SealingKeyRing(current: key),
      tables: ConsentService.tables + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "consent"))
    audit = AuditLog(
      store: store, time: SystemTime(), signer: try Self.signer(name: "tacit/consent/test"))
    service = try await ConsentService(
      store: store, audit: audit, vault: vault, rotation: rotation, configuration: configuration,
      secrets: ConsentSecrets(seed: Array("the same in each run".utf8)), time: SystemTime(),
      random: SystemRandom(), log: silentLog)
    var router = Router()
    service.register(on: &router)
    server = RPCServer(
      router: router, endpoint: try Endpoint(host: "127.0.0.1", port: port),
      security: .plainLoopback, authorizer: AccessPolicy(), log: silentLog)
    endpoint = try await server.start()
    connection = try RPCClient(endpoint: endpoint, security: .plainLoopback, log: silentLog)
  }

  /// The key of a log.
  static func signer(name: String, seed: UInt8 = 5) throws -> NoteSigner {
    try NoteSigner(
      name: name, kind: .note,
      key: SigningKey(seed: SecretBytes(copying: [UInt8](repeating: seed, count: 32))))
  }

  /// The key of the log of a service; the consent service's is the fixture's own.
  static func signer(of service: String) throws -> NoteSigner {
    let seed =
      service == "consent"
      ? 5 : UInt8(truncatingIfNeeded: service.utf8.reduce(0) { $0 &+ UInt64($1) })
    return try signer(name: "tacit/\(service)/test", seed: seed)
  }

  /// A statement, signed under its origin.
  static func signed(_ statement: ErasureStatement) throws -> [UInt8] {
    var note = try SignedNote(text: statement.text)
    let time = Timestamp(microseconds: statement.atUs)
    try note.add(signer(of: statement.service).sign(statement.text, at: time))
    return note.encoded
  }

  /// Runs `body` against a service on the store in `directory`, and stops it afterwards.
  static func run<Result>(
    in directory: URL, vault: FakeVault = FakeVault(), rotation: RotationClient? = nil,
    port: Int = 0, configuration: ConsentConfiguration = .quick,
    _ body: (ConsentFixture) async throws -> Result
  ) async throws -> Result {
    let fixture = try await ConsentFixture(
      directory: directory, vault: vault, rotation: rotation, port: port,
      configuration: configuration)
    do {
      let result = try await body(fixture)
      await fixture.stop()
      return result
    } catch {
      await fixture.stop()
      throw error
    }
  }

  /// The same on a fresh store.
  static func run<Result>(
    configuration: ConsentConfiguration = .quick,
    _ body: (ConsentFixture) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryDirectory { directory async throws in
      try await run(in: directory, configuration: configuration, body)
    }
  }

  func stop() async {
    await connection.close()
    await server.drain(timeoutMs: 0)
    store.close()
  }

  // MARK: Gates

  /// Runs `body` while a gate attends over a connection of its own, once it is live.
  func withGate<Result>(
    _ name: String = "features", effects: any GateEffects = NoEffects(),
    _ body: (Gate) async throws -> Result
  ) async throws -> Result {
    let line = try RPCClient(endpoint: endpoint, security: .plainLoopback, log: silentLog)
    let gate = Gate(name: name, consent: ConsentClient(line), effects: effects, log: silentLog)
    let attending = Task { try await gate.run() }
    do {
      try await eventually("the gate is live") { gate.isLive }
      let result = try await body(gate)
      attending.cancel()
      await line.close()
      return result
    } catch {
      attending.cancel()
      await line.close()
      throw error
    }
  }

  /// Runs `body` while the service does its background work.
  func whileRunning<Result>(_ body: () async throws -> Result) async throws -> Result {
    let running = Task { [service] in try await service.run() }
    defer { running.cancel() }
    return try await body()
  }

  // MARK: Shorthand

  /// All batches of a feed that ends.
  func changes(_ request: WatchRequest) async throws -> [ChangeBatch] {
    var batches: [ChangeBatch] = []
    for try await batch in try await client.watch(request) { batches.append(batch) }
    return batches
  }

  @discardableResult
  func grant(_ person: UInt64 = 1, scopes: [String] = ["product_recs"]) async throws -> Receipt {
    try required(try await client.grant(Example.grantRequest(person, scopes: scopes)).receipt)
  }

  func reason(_ person: UInt64, _ scope: String = "product_recs") async throws -> CheckReason {
    try await client.check(CheckRequest(pid: Example.pid(person).bytes, scope: scope)).reason
  }

  @discardableResult
  func withdraw(_ person: UInt64, scopes: [String] = []) async throws -> WithdrawReply {
    try await client.withdraw(
      WithdrawRequest(pid: Example.pid(person).bytes, scopes: scopes, source: "web-portal:v2"))
  }

  /// Imports the lines in chunks of `chunkCount` and returns every progress.
  func importing(_ lines: [String], chunkCount: Int = 100) async throws -> [ImportProgress] {
    let stream = try await client.import()
    for start in stride(from: 0, to: lines.count, by: chunkCount) {
      let part = Array(lines[start..<min(start + chunkCount, lines.count)])
      try await stream.send(ImportChunk(firstLine: UInt64(start) + 1, lines: part))
    }
    try await stream.finish()
    var progress: [ImportProgress] = []
    for try await reply in stream.replies { progress.append(reply) }
    return progress
  }

  func exported(after: UInt64 = 0) async throws -> [String] {
    var lines: [String] = []
    for try await chunk in try await client.export(ExportRequest(afterSequence: after)) {
      lines += chunk.lines
    }
    return lines
  }
}

extension ConsentConfiguration {
  /// Small batches, so that tests cross their edges.
  static var quick: ConsentConfiguration {
    var configuration = ConsentConfiguration()
    configuration.feedBatchCount = 3
    configuration.erasureRetryMs = 5
    configuration.renamingPollMs = 5
    configuration.renamingBatchCount = 2
    return configuration
  }

  /// Leases that no busy machine lets run out by chance.
  static var steady: ConsentConfiguration {
    var configuration = quick
    configuration.leaseMs = 5_000
    configuration.grantSettleMs = 5_000
    return configuration
  }
}

struct Missing: Error, CustomStringConvertible {
  let description: String
}

/// The value, or an error where there is none.
func required<Value>(_ value: Value?) throws -> Value {
  guard let value else { throw Missing(description: "a value is missing") }
  return value
}

/// Returns once `condition` holds; fails after ten seconds.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
  let time = SystemTime()
  let end = time.monotonicMicroseconds + 10_000_000
  while try await !condition() {
    guard time.monotonicMicroseconds < end else {
      throw Missing(description: "not in 10 s: \(what)")
    }
    try await Task.sleep(for: .milliseconds(2))
  }
}

/// The error that a call throws.
func refusal(_ call: () async throws -> Void) async -> RPCError? {
  do {
    try await call()
    return nil
  } catch {
    return error as? RPCError
  }
}
