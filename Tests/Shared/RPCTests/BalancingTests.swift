import PrivacyCore
import RPC
import Synchronization
import TestSupport
import Testing
import Transport
import WireFormat

@Suite("Several servers and connections")
struct BalancingTests {
  /// A server that counts its calls.
  private final class CountingServer: Sendable {
    let seen = Observations()
    let server: RPCServer

    init(_ endpoint: Endpoint) {
      var configuration = ServerConfiguration()
      configuration.interceptors.append(seen)
      server = RPCServer(
        router: testRouter(seen), endpoint: endpoint, security: .plainLoopback,
        authorizer: AlmostAll(), configuration: configuration, log: quietLog)
    }

    var callCount: Int { seen.finished.count }
  }

  private func withServers(
    _ count: Int, configuration: ClientConfiguration = ClientConfiguration(),
    time: any TimeSource = SystemTime(),
    _ body: ([CountingServer], [Endpoint], RPCClient) async throws -> Void
  ) async throws {
    let servers = try (0..<count).map { _ in CountingServer(try Endpoint("127.0.0.1:0")) }
    var endpoints: [Endpoint] = []
    for server in servers { endpoints.append(try await server.server.start()) }
    let client = try RPCClient(
      endpoints: endpoints, security: .plainLoopback, configuration: configuration, time: time,
      log: quietLog)
    try await body(servers, endpoints, client)
    await client.close()
    for server in servers { await server.server.drain(timeoutMs: 0) }
  }

  @Test("calls are spread over all servers")
  func spread() async throws {
    try await withServers(3) { servers, _, client in
      for _ in 0..<20 { let _: Blob = try await client.unary(Method.echo, Blob("warm")) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<300 {
          group.addTask { let _: Blob = try await client.unary(Method.echo, Blob("x")) }
        }
        try await group.waitForAll()
      }
      for server in servers { #expect(server.callCount > 50) }
      #expect(servers.reduce(0) { $0 + $1.callCount } == 320)
    }
  }

  @Test("a dead server costs no call, is left out while it pauses, and is called again when back")
  func ejection() async throws {
    let time = ManualTime(now: SystemTime().now)
    try await withServers(2, time: time) { servers, endpoints, client in
      for _ in 0..<20 { let _: Blob = try await client.unary(Method.echo, Blob("warm")) }
      #expect(servers.allSatisfy { $0.callCount > 0 })
      await servers[0].server.drain(timeoutMs: 0)
      for _ in 0..<50 { let _: Blob = try await client.unary(Method.append, Blob("x")) }
      let back = CountingServer(endpoints[0])
      try await back.server.start()
      // Its pause is over at some time; then calls reach it again.
      time.advance(microseconds: 60_000_000)
      for _ in 0..<200 where back.callCount == 0 {
        let _: Blob = try await client.unary(Method.append, Blob("x"))
      }
      #expect(back.callCount > 0)
      await back.server.drain(timeoutMs: 0)
    }
  }

  @Test("where no server is there, the call says so")
  func allDead() async throws {
    try await withServers(2) { servers, _, client in
      for server in servers { await server.server.drain(timeoutMs: 0) }
      for _ in 0..<3 {
        do throws(RPCError) {
          let _: Blob = try await client.unary(Method.append, Blob("x"))
          Issue.record("a call succeeded without a server")
        } catch {
          #expect(error.code == .unavailable)
        }
      }
    }
  }

  @Test("no call is lost while the servers are restarted one after the other under load")
  func rollingRestart() async throws {
    try await withServers(3) { servers, endpoints, client in
      let load = Load()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask {
            while !load.isOver.load(ordering: .relaxed) {
              // Not idempotent: it is repeated only where it certainly was not started.
              let reply: Blob = try await client.unary(Method.append, Blob("x"))
              #expect(reply.text == "x!")
              load.callCount.wrappingAdd(1, ordering: .relaxed)
              // Other tests on these cores measure time.
              try await Task.sleep(for: .milliseconds(1))
            }
          }
        }
        var running = servers
        for round in 0..<4 {
          let index = round % 3
          #expect(await running[index].server.drain(timeoutMs: 5_000))
          running[index] = CountingServer(endpoints[index])
          try await running[index].server.start()
          // Longer than a client pauses after the one attempt that found nobody.
          try await Task.sleep(for: .milliseconds(200))
        }
        load.isOver.store(true, ordering: .relaxed)
        try await group.waitForAll()
        for server in running { await server.server.drain(timeoutMs: 0) }
      }
      #expect(load.callCount.load(ordering: .relaxed) > 20)
    }
  }

  private final class Load: Sendable {
    let isOver = Atomic<Bool>(false)
    let callCount = Atomic<Int>(0)
  }

  @Test("a client keeps as many connections to a server as it is told")
  func connectionCount() async throws {
    var configuration = ClientConfiguration()
    configuration.connectionsPerEndpoint = 3
    let seen = PeerCounter()
    var serverConfiguration = ServerConfiguration()
    serverConfiguration.connectionCountMax = 2
    serverConfiguration.interceptors.append(seen)
    let server = RPCServer(
      router: testRouter(), endpoint: try Endpoint("127.0.0.1:0"), security: .plainLoopback,
      authorizer: AlmostAll(), configuration: serverConfiguration, log: quietLog)
    let endpoint = try await server.start()
    let client = try RPCClient(
      endpoint: endpoint, security: .plainLoopback, configuration: configuration, log: quietLog)
    // The third connection is turned away; its calls go over the other two.
    for _ in 0..<200 { let _: Blob = try await client.unary(Method.echo, Blob("x")) }
    #expect(seen.count == 200)
    await client.close()
    await server.drain(timeoutMs: 0)
  }

  private final class PeerCounter: ServerInterceptor {
    private let calls = Atomic<Int>(0)
    var count: Int { calls.load(ordering: .relaxed) }
    func end(_ call: FinishedCall) { calls.wrappingAdd(1, ordering: .relaxed) }
  }
}

@Suite("Interceptors")
struct InterceptorTests {
  private final class Gatekeeper: ServerInterceptor {
    func admit(_ call: IncomingCall) throws(RPCError) {
      guard call.metadata["ticket"] != nil else {
        throw RPCError(.failedPrecondition, "\(call.method.name) needs a ticket")
      }
    }
  }

  private final class Ticket: ClientInterceptor {
    let ended = Mutex<[(String, StatusCode)]>([])

    func begin(_ method: MethodDescriptor, _ options: inout CallOptions) throws(RPCError) {
      guard method != Method.sleep else { throw RPCError(.aborted, "not now") }
      options.metadata.add("ticket", "one")
    }

    func end(_ method: MethodDescriptor, _ code: StatusCode, microseconds: Int64) {
      ended.withLock { $0.append((method.name, code)) }
    }
  }

  @Test("a client's adds to each call, refuses some, and learns how each ended; a server's refuses")
  func both() async throws {
    var serverConfiguration = ServerConfiguration()
    serverConfiguration.interceptors = [Gatekeeper()]
    let server = RPCServer(
      router: testRouter(), endpoint: try Endpoint("127.0.0.1:0"), security: .plainLoopback,
      authorizer: AlmostAll(), configuration: serverConfiguration, log: quietLog)
    let endpoint = try await server.start()
    let bare = try RPCClient(endpoint: endpoint, security: .plainLoopback, log: quietLog)
    do throws(RPCError) {
      let _: Blob = try await bare.unary(Method.echo, Blob("x"))
      Issue.record("the call passed without a ticket")
    } catch {
      #expect(error.code == .failedPrecondition)
      #expect(error.message == "\(Method.echo.name) needs a ticket")
    }
    let ticket = Ticket()
    var configuration = ClientConfiguration()
    configuration.interceptors = [ticket]
    let client = try RPCClient(
      endpoint: endpoint, security: .plainLoopback, configuration: configuration, log: quietLog)
    let reply: Blob = try await client.unary(Method.echo, Blob("x"))
    #expect(reply.text == "x")
    await #expect(throws: RPCError(.aborted, "not now")) {
      let _: Blob = try await client.unary(Method.sleep, Blob("1"))
    }
    let stream: ReplyStream<Blob> = try await client.serverStreaming(Method.repeated, Blob("2 1"))
    for try await _ in stream {}
    #expect(ticket.ended.withLock { $0.map(\.1) } == [.ok, .ok])
    #expect(ticket.ended.withLock { $0.map(\.0) } == [Method.echo.name, Method.repeated.name])
    for connection in [bare, client] { await connection.close() }
    await server.drain(timeoutMs: 0)
  }
}
