internal import ArgumentParser
internal import AuditLog
internal import Cryptography
internal import Foundation
internal import Gate
internal import IdentityVaultService
internal import KeyManagement
internal import Logging
internal import PrivacyCore
internal import RPC
internal import SealedStore
internal import ServiceKit
internal import Transport
internal import VaultAPI

/// Measures the identity vault in process, one caller on one thread, and prints one JSON document:
///
///     lookups_per_s           identifiers looked up in a second, in batches of 4,096
///     pids_per_s              canonical forms and pids alone
///     single_lookups_per_s    the same one by one, as a caller without batches
///     distinct_sketch_ns      to count one identifier towards the caller's day, when there are many
///     wire_lookups_per_s      batches of 1,024 over a connection, eight in flight, both ends here
///     wire_single_p50_us      one identifier in a call, one call in flight
///     wire_single_p99_us
///     subject_key_bytes       memory of the services' cache for each person, when it is full
@main
struct VaultBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vault-bench", abstract: "Measure the identity vault; prints JSON.")

  @Option(help: "How many people are known.") var people = 100_000
  @Option(help: "Seconds of each measurement.") var seconds = 3.0

  func validate() throws {
    guard (1...10_000_000).contains(people), (0.1...600).contains(seconds) else {
      throw ValidationError("--people takes 1 to 10000000, --seconds 0.1 to 600")
    }
  }

  func run() async throws {
    let place = FileManager.default.temporaryDirectory
      .appending(path: "vault-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: place) }
    let kms = try FileKeyManagementService(
      rootKey: SecretBytes(random: SystemRandom(), count: 32))
    let keys = try await ServiceKeys.open(service: "vault", directory: place, kms: kms)
    let store = try SealedStore.open(
      at: place, keys: try keys.sealingKeys(purpose: "at-rest"),
      tables: IdentityVaultService.tables + AuditLog.tables,
      configuration: StoreConfiguration(serviceName: "vault"))
    defer { store.close() }
    var configuration = IdentityVaultConfiguration()
    // The rate is not what is measured here.
    configuration.singleLimits.identifiersPerSecond = 100_000_000
    configuration.singleLimits.burst = 1_000_000_000
    configuration.singleLimits.distinctPerDay = 10_000_000_000
    let vault = try await IdentityVaultService(
      store: store, audit: AuditLog(store: store, time: SystemTime()), keys: keys,
      configuration: configuration, time: SystemTime(), random: SystemRandom())

    let pipeline = try PeerIdentity.service("pipeline")
    let clerk = try PeerIdentity.user(role: "privacy", name: "clerk")
    let batches = stride(from: 0, to: people, by: 4_096).map { start in
      (start..<min(people, start + 4_096)).map {
        Identifier(kind: .email, value: "customer\($0)@example.com")
      }
    }
    for batch in batches { _ = try await look(batch, in: vault, by: pipeline, create: true) }
    let batched = try await rate { round in
      let batch = batches[round % batches.count]
      _ = try await look(batch, in: vault, by: pipeline)
      return batch.count
    }
    let pids = try await pidRate(batches)
    let single = try await rate { round in
      let batch = batches[round / 4_096 % batches.count]
      _ = try await look([batch[round % batch.count]], in: vault, by: clerk)
      return 1
    }
    let wire = try await wire(vault, batches)
    print(
      """
      {
        "people": \(people),
        "wire_lookups_per_s": \(Int(wire.perSecond)),
        "wire_single_p50_us": \(wire.p50),
        "wire_single_p99_us": \(wire.p99),
        "lookups_per_s": \(Int(batched)),
        "pids_per_s": \(Int(pids)),
        "single_lookups_per_s": \(Int(single)),
        "distinct_sketch_ns": \(try sketchNanoseconds()),
        "subject_key_bytes": \(subjectKeyBytes())
      }
      """)
  }

  private func look(
    _ identifiers: [Identifier], in vault: IdentityVaultService, by peer: PeerIdentity,
    create: Bool = false
  ) async throws -> PseudonymizeReply {
    try await vault.pseudonymize(
      PseudonymizeRequest(identifiers: identifiers, create: create),
      context: CallContext(peer: peer, method: VaultMethods.pseudonymize))
  }

  /// How many of what `body` does are done in a second.
  private func rate(_ body: (Int) async throws -> Int) async throws -> Double {
    let start = ContinuousClock().now
    var count = 0
    var round = 0
    var elapsed = 0.0
    while elapsed < seconds {
      for _ in 0..<8 {
        count += try await body(round)
        round += 1
      }
      elapsed = (ContinuousClock().now - start) / .seconds(1)
    }
    return Double(count) / elapsed
  }

  private func pidRate(_ batches: [[Identifier]]) async throws -> Double {
    let domain = try PseudonymDomain(name: "bench", emailProfile: .emailV1, keyVersion: 1) { _ in
      try HMACKey(secret: SecretBytes(random: SystemRandom(), count: 32))
    }
    return try await rate { round in
      let batch = batches[round % batches.count]
      for identifier in batch {
        _ = try domain.pid(of: CanonicalIdentifier(identifier, emailProfile: .emailV1))
      }
      return batch.count
    }
  }

  /// What a caller gets over a connection of the loopback address.
  private func wire(
    _ vault: IdentityVaultService, _ batches: [[Identifier]]
  ) async throws -> (perSecond: Double, p50: Double, p99: Double) {
    let log = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
    var router = Router()
    vault.register(on: &router)
    let server = RPCServer(
      router: router, endpoint: try Endpoint(host: "127.0.0.1", port: 0),
      security: .plainLoopback, authorizer: AccessPolicy(), log: log)
    let connection = try RPCClient(
      endpoint: try await server.start(), security: .plainLoopback, log: log)
    let client = VaultClient(connection)
    let requests = batches.flatMap { batch in
      stride(from: 0, to: batch.count, by: 1_024).map { start in
        PseudonymizeRequest(
          identifiers: Array(batch[start..<min(batch.count, start + 1_024)]))
      }
    }
    let perSecond = try await rate { round in
      try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<8 {
          let request = requests[(round * 8 + number) % requests.count]
          group.addTask { try await client.pseudonymize(request).pseudonyms.count }
        }
        return try await group.reduce(0, +)
      }
    }
    let singles = batches[0].map { PseudonymizeRequest(identifiers: [$0]) }
    var microseconds: [Double] = []
    _ = try await rate { round in
      let start = ContinuousClock().now
      _ = try await client.pseudonymize(singles[round % singles.count])
      microseconds.append((ContinuousClock().now - start) / .microseconds(1))
      return 1
    }
    await connection.close()
    await server.drain(timeoutMs: 0)
    microseconds.sort()
    func quantile(_ share: Double) -> Double {
      (microseconds[Int(Double(microseconds.count - 1) * share)] * 10).rounded() / 10
    }
    return (perSecond, quantile(0.5), quantile(0.99))
  }

  /// Bytes of the table of subject keys for each of so many people.
  private func subjectKeyBytes() -> Double {
    var random = SplitMix64(seed: 2)
    var table = SubjectKeyTable(countMax: people)
    let key = [UInt8](repeating: 7, count: 32)
    for _ in 0..<people {
      table.insert(
        key, of: PseudonymousID(words: (random.next(), random.next(), random.next(), random.next()))
      )
    }
    return (Double(table.byteCount) / Double(table.count) * 10).rounded() / 10
  }

  private func sketchNanoseconds() throws -> Double {
    var random = SplitMix64(seed: 1)
    let pids = (0..<1_000_000).map { _ in
      PseudonymousID(words: (random.next(), random.next(), random.next(), random.next()))
    }
    var sketch = DistinctSketch()
    for pid in pids { sketch.insert(pid) }
    let start = ContinuousClock().now
    for pid in pids { sketch.insert(pid) }
    let elapsed = (ContinuousClock().now - start) / .nanoseconds(1)
    guard abs(Double(sketch.count) / 1_000_000 - 1) < 0.03 else { throw ExitCode.failure }
    return (elapsed / Double(pids.count) * 10).rounded() / 10
  }
}
