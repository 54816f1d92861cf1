import Foundation
import Logging
import PrivacyCore
import RPC
import Synchronization
import TestSupport
import Testing
import Transport

@Suite("Mutual TLS")
struct TLSTests {
  /// A directory with an authority and the certificates of a service and of a user.
  private func withCredentials(
    _ body: (DevelopmentAuthority, _ service: TLSMaterial, _ user: TLSMaterial) async throws -> Void
  ) async throws {
    try await withTemporaryDirectory { directory in
      let authority = try DevelopmentAuthority.create(in: directory)
      try await body(
        authority, try authority.issue(.service("consent")),
        try authority.issue(.user(role: "legal", name: "anna")))
    }
  }

  private func call(
    server: ServerSecurity, client: ClientSecurity, log: Logger = quietLog
  ) async throws -> Result<String, RPCError> {
    let rpcServer = RPCServer(
      router: testRouter(), endpoint: try Endpoint("127.0.0.1:0"), security: server,
      authorizer: AlmostAll(), log: log)
    let endpoint = try await rpcServer.start()
    let rpcClient = try RPCClient(endpoint: endpoint, security: client, log: quietLog)
    let result: Result<String, RPCError>
    do throws(RPCError) {
      let reply: Blob = try await rpcClient.unary(Method.context, Blob())
      result = .success(reply.text)
    } catch {
      result = .failure(error)
    }
    await rpcClient.close()
    await rpcServer.drain(timeoutMs: 0)
    return result
  }

  @Test("both sides know each other by their SPIFFE ids")
  func good() async throws {
    try await withCredentials { _, service, user in
      let result = try await call(
        server: .mutualTLS(service), client: .mutualTLS(user, expects: "consent"))
      #expect(try result.get().hasPrefix("spiffe://tacit/user/legal/anna|"))
    }
  }

  @Test("large messages pass through TLS")
  func large() async throws {
    try await withCredentials { _, service, user in
      try await withPair(security: (.mutualTLS(service), .mutualTLS(user))) { pair in
        let reply: Blob = try await pair.client.unary(Method.echo, Blob(count: 3 << 20))
        #expect(reply.bytes.count == 3 << 20)
      }
    }
  }

  @Test("another service than the expected one is refused")
  func otherService() async throws {
    try await withCredentials { _, service, user in
      let result = try await call(
        server: .mutualTLS(service), client: .mutualTLS(user, expects: "vault"))
      let error = result.failure
      #expect(error?.code == .unavailable)
      #expect(error?.message.contains("spiffe://tacit/service/consent") == true)
      #expect(error?.message.contains("the service vault was expected") == true)
    }
  }

  @Test("a user's certificate does not make a server")
  func userAsServer() async throws {
    try await withCredentials { _, _, user in
      let result = try await call(server: .mutualTLS(user), client: .mutualTLS(user))
      #expect(result.failure?.message.contains("is not for this use") == true)
    }
  }

  @Test("an expired certificate of a server is refused by name")
  func expiredServer() async throws {
    try await withCredentials { _, service, user in
      let later = ManualTime(now: SystemTime().now.advanced(byMicroseconds: 31 * 86_400_000_000))
      // The client's clock runs ahead; its own files were read before.
      let clock = SwitchingTime(first: SystemTime(), then: later, after: 1)
      let result = try await call(
        server: .mutualTLS(service), client: .mutualTLS(user, time: clock))
      #expect(result.failure?.code == .unavailable)
      #expect(result.failure?.message.contains("its certificate expired at") == true)
    }
  }

  @Test("a certificate that is not valid yet is refused by the server, which logs why")
  func notYetValidClient() async throws {
    try await withCredentials { authority, service, _ in
      let tomorrow = SystemTime().now.advanced(byMicroseconds: 86_400_000_000)
      let early = try authority.issue(.user(role: "legal", name: "early"), from: tomorrow)
      let ahead = ManualTime(now: tomorrow.advanced(byMicroseconds: 1_000_000))
      let log = RecordingLog()
      let result = try await call(
        server: .mutualTLS(service), client: .mutualTLS(early, time: ahead), log: log.logger)
      #expect(result.failure?.code == .unavailable)
      #expect(result.failure?.message.contains("refused our certificate") == true)
      #expect(log.text.contains("is not valid before"))
    }
  }

  @Test("an expired certificate of a client is refused by the server, which logs why")
  func expiredClient() async throws {
    try await withCredentials { authority, service, _ in
      let past = SystemTime().now.advanced(byMicroseconds: -10 * 86_400_000_000)
      let old = try authority.issue(
        .user(role: "legal", name: "old"), validityDays: 1, from: past)
      // The client believes it is still the day of its certificate, and knows the server's then.
      let behind = SwitchingTime(
        first: ManualTime(now: past.advanced(byMicroseconds: 1_000_000)), then: SystemTime(),
        after: 1)
      let log = RecordingLog()
      let result = try await call(
        server: .mutualTLS(service), client: .mutualTLS(old, time: behind), log: log.logger)
      #expect(result.failure?.message.contains("refused our certificate") == true)
      #expect(log.text.contains("its certificate expired at"))
    }
  }

  @Test("a certificate of another authority is refused on both sides")
  func otherAuthority() async throws {
    try await withCredentials { _, service, user in
      try await withTemporaryDirectory { directory in
        let stranger = try DevelopmentAuthority.create(in: directory)
        let strange = try stranger.issue(.user(role: "legal", name: "anna"))
        let refusedByClient = try await call(
          server: .mutualTLS(service), client: .mutualTLS(strange))
        #expect(
          refusedByClient.failure?.message.contains("not signed by a trusted authority") == true)
        let mixed = TLSMaterial(
          certificatePath: strange.certificatePath, keyPath: strange.keyPath,
          authorityPath: user.authorityPath)
        let log = RecordingLog()
        let refusedByServer = try await call(
          server: .mutualTLS(service), client: .mutualTLS(mixed), log: log.logger)
        #expect(refusedByServer.failure?.message.contains("refused our certificate") == true)
        #expect(log.text.contains("not signed by a trusted authority"))
      }
    }
  }

  @Test("a plain client of a TLS server learns nothing, and the server logs why")
  func plainClient() async throws {
    try await withCredentials { _, service, _ in
      let log = RecordingLog()
      let result = try await call(
        server: .mutualTLS(service), client: .plainLoopback, log: log.logger)
      #expect(result.failure?.code == .unavailable)
      #expect(
        result.failure?.message.hasSuffix(
          "something that is not this protocol; does one side use TLS and the other plain TCP?")
          == true)
      #expect(log.text.contains("does not speak TLS"))
    }
  }

  @Test("a TLS client of a plain server fails clearly")
  func plainServer() async throws {
    try await withCredentials { _, _, user in
      let result = try await call(server: .plainLoopback, client: .mutualTLS(user))
      #expect(result.failure?.code == .unavailable)
      #expect(result.failure?.message.hasSuffix("the other side does not speak TLS") == true)
    }
  }
}

extension Result {
  fileprivate var failure: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}

/// Shows one clock for the first readings and another one after them.
private final class SwitchingTime: TimeSource {
  private let readings = Mutex(0)
  private let first: any TimeSource
  private let second: any TimeSource
  private let count: Int

  init(first: any TimeSource, then second: any TimeSource, after count: Int) {
    self.first = first
    self.second = second
    self.count = count
  }

  var now: Timestamp {
    let reading = readings.withLock { reading in
      reading += 1
      return reading
    }
    return reading <= count ? first.now : second.now
  }

  var monotonicMicroseconds: Int64 { first.monotonicMicroseconds }
}

/// A log that keeps what is written.
private final class RecordingLog: Sendable {
  private let lines = Mutex<[String]>([])

  var text: String { lines.withLock { $0.joined(separator: "\n") } }

  var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

  private func add(_ line: String) { lines.withLock { $0.append(line) } }

  private struct Handler: LogHandler {
    let log: RecordingLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(log: RecordingLog) { self.log = log }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { log.add("\(event.message) \(event.metadata ?? [:])") }
  }
}
