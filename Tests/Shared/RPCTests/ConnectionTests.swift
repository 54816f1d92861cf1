import RPC
import Testing
import Transport
import WireFormat

@Suite("A client and its connection")
struct ConnectionTests {
  @Test("a server that is not there is named, with what to look at")
  func refused() async throws {
    let server = RPCServer(
      router: Router(), endpoint: try Endpoint("127.0.0.1:0"), security: .plainLoopback,
      authorizer: AlmostAll(), log: quietLog)
    let endpoint = try await server.start()
    await server.drain(timeoutMs: 0)
    var configuration = ClientConfiguration()
    configuration.programName = "tacit-consent"
    let client = try RPCClient(
      endpoint: endpoint, security: .plainLoopback, configuration: configuration, log: quietLog)
    let error = await rpcError { () async throws(RPCError) -> Blob in
      try await client.unary(Method.append, Blob("x"))
    }
    #expect(error?.code == .unavailable)
    #expect(
      error?.message
        == "cannot connect to \(endpoint): connection refused; is tacit-consent running?")
    await client.close()
  }

  @Test("after a restart of the server the next call connects again")
  func reconnect() async throws {
    func start(_ endpoint: Endpoint) async throws -> (RPCServer, Endpoint) {
      let server = RPCServer(
        router: testRouter(), endpoint: endpoint, security: .plainLoopback,
        authorizer: AlmostAll(), log: quietLog)
      return (server, try await server.start())
    }
    let (first, endpoint) = try await start(try Endpoint("127.0.0.1:0"))
    let client = try RPCClient(endpoint: endpoint, security: .plainLoopback, log: quietLog)
    let before: Blob = try await client.unary(Method.append, Blob("one"))
    #expect(before.text == "one!")
    await first.drain(timeoutMs: 1_000)
    let (second, _) = try await start(endpoint)
    let after: Blob = try await client.unary(Method.append, Blob("two"))
    #expect(after.text == "two!")
    await client.close()
    await second.drain(timeoutMs: 0)
  }

  @Test("while the client pauses after a failure, only a call that connects at once connects")
  func connectsAtOnce() async throws {
    func server(_ endpoint: Endpoint) -> RPCServer {
      RPCServer(
        router: testRouter(), endpoint: endpoint, security: .plainLoopback,
        authorizer: AlmostAll(), log: quietLog)
    }
    let first = server(try Endpoint("127.0.0.1:0"))
    let endpoint = try await first.start()
    await first.drain(timeoutMs: 0)
    var configuration = ClientConfiguration()
    configuration.backoffMs = 3_600_000
    configuration.backoffMsMax = 3_600_000
    let client = try RPCClient(
      endpoint: endpoint, security: .plainLoopback, configuration: configuration, log: quietLog)
    func call(_ options: CallOptions) async -> RPCError? {
      await rpcError { () async throws(RPCError) -> Blob in
        try await client.unary(Method.append, Blob("x"), options: options)
      }
    }
    #expect(await call(CallOptions())?.code == .unavailable)
    let second = server(endpoint)
    try await second.start()
    #expect(await call(CallOptions())?.code == .unavailable)
    #expect(await call(CallOptions(connectsAtOnce: true)) == nil)
    await client.close()
    await second.drain(timeoutMs: 0)
  }

  @Test("an idempotent call that failed as UNAVAILABLE is made again once")
  func retry() async throws {
    try await withPair { pair in
      let reply: Blob = try await pair.client.unary(Method.flaky, Blob("again"))
      #expect(reply.text == "again")
      #expect(pair.seen.callCount == 2)
    }
  }

  @Test("without retry tokens a call is made once")
  func noTokens() async throws {
    try await withPair { pair in
      var configuration = ClientConfiguration()
      configuration.retryTokenCountMax = 0
      let client = try RPCClient(
        endpoint: pair.endpoint, security: .plainLoopback, configuration: configuration,
        log: quietLog)
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await client.unary(Method.flaky, Blob("once"))
      }
      #expect(error == RPCError(.unavailable, "not now"))
      #expect(pair.seen.callCount == 1)
      await client.close()
    }
  }

  @Test("calls past the server's stream limit wait for their turn")
  func waitForStream() async throws {
    var limits = ConnectionLimits()
    limits.streamCountMax = 2
    try await withPair(serverLimits: limits) { pair in
      let first: ClientStream<Blob, Blob> = try await pair.client.bidirectional(Method.chat)
      let second: ClientStream<Blob, Blob> = try await pair.client.bidirectional(Method.chat)
      let waiting = Task { () async throws -> String in
        let reply: Blob = try await pair.client.unary(Method.append, Blob("turn"))
        return reply.text
      }
      let late = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.echo, Blob(), options: CallOptions(timeoutMs: 20))
      }
      #expect(late?.code == .deadlineExceeded)
      try await first.finish()
      var replies = first.replies.makeAsyncIterator()
      #expect(try await replies.next() == nil)
      #expect(try await waiting.value == "turn!")
      second.cancel()
    }
  }

  @Test("a closed client refuses calls")
  func closed() async throws {
    try await withPair { pair in
      await pair.client.close()
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.echo, Blob())
      }
      #expect(error == RPCError(.cancelled, "the client is closed"))
    }
  }

  @Test("calls in flight fail as UNAVAILABLE when the connection breaks")
  func lost() async throws {
    let server = try await RawServer { peer in
      try await peer.send(.hello, payload: Hello.usual.packed())
      _ = try await peer.next()
      _ = try await peer.next()
      await peer.close()
    }
    let client = try RPCClient(endpoint: server.endpoint, security: .plainLoopback, log: quietLog)
    let error = await rpcError { () async throws(RPCError) -> Blob in
      try await client.unary(Method.append, Blob("x"))
    }
    #expect(error == RPCError(.unavailable, "the connection was lost"))
    await client.close()
    await server.close()
  }

  @Test("a server that never says HELLO is given up in time")
  func silentServer() async throws {
    let server = try await RawServer { _ in }
    var configuration = ClientConfiguration()
    configuration.limits.handshakeTimeoutMs = 20
    let client = try RPCClient(
      endpoint: server.endpoint, security: .plainLoopback, configuration: configuration,
      log: quietLog)
    let error = await rpcError { () async throws(RPCError) -> Blob in
      try await client.unary(Method.append, Blob("x"))
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("did not say HELLO in time") == true)
    await client.close()
    await server.close()
  }

  @Test("waiting for a connection ends with the call's own time and with its task")
  func waitEnds() async throws {
    let server = try await RawServer { _ in }
    let client = try RPCClient(endpoint: server.endpoint, security: .plainLoopback, log: quietLog)
    let error = await rpcError { () async throws(RPCError) -> Blob in
      try await client.unary(Method.append, Blob("x"), options: CallOptions(timeoutMs: 20))
    }
    #expect(error?.code == .deadlineExceeded)
    let task = Task { () async -> RPCError? in
      await rpcError { () async throws(RPCError) -> Blob in
        try await client.unary(Method.append, Blob("x"))
      }
    }
    task.cancel()
    #expect(await task.value?.code == .cancelled)
    await client.close()
    await server.close()
  }

  @Test("a server of another protocol version is refused with what to upgrade")
  func otherVersion() async throws {
    let server = try await RawServer { peer in
      var hello = Hello.usual
      hello.version = 2
      try await peer.send(.hello, payload: hello.packed())
      #expect(try await peer.goaway()?.contains("upgrade this one") == true)
    }
    let client = try RPCClient(endpoint: server.endpoint, security: .plainLoopback, log: quietLog)
    let error = await rpcError { () async throws(RPCError) -> Blob in
      try await client.unary(Method.append, Blob("x"))
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("version 2") == true)
    await client.close()
    await server.close()
  }

  @Test("garbage from a server fails the call and closes the connection")
  func garbage() async throws {
    let server = try await RawServer { peer in
      try await peer.send(.hello, payload: Hello.usual.packed())
      _ = try await peer.next()
      _ = try await peer.next()
      try await peer.send([0, 0, 0, 2, 0xFF, 0xFF])
      #expect(try await peer.goaway()?.contains("no frame") == true)
    }
    let client = try RPCClient(endpoint: server.endpoint, security: .plainLoopback, log: quietLog)
    let error = await rpcError { () async throws(RPCError) -> Blob in
      try await client.unary(Method.append, Blob("x"))
    }
    #expect(error?.code == .unavailable)
    await client.close()
    await server.close()
  }

  @Test("a call that the server names as not started is made again elsewhere")
  func notStarted() async throws {
    let connections = Observations()
    let server = try await RawServer { peer in
      try await peer.send(.hello, payload: Hello.usual.packed())
      _ = try await peer.next()
      guard let call = try await peer.next() else { return }
      if connections.noteCall() == 1 {
        try await peer.send(.goaway, payload: Goaway().packed())
      } else {
        try await peer.send(.reply, stream: call.frame.stream, payload: call.payload)
      }
    }
    let client = try RPCClient(endpoint: server.endpoint, security: .plainLoopback, log: quietLog)
    let reply: Blob = try await client.unary(Method.append, Blob("moved"))
    #expect(reply.text == "moved")
    #expect(connections.callCount == 2)
    await client.close()
    await server.close()
  }

  @Test("an idle connection is kept alive with PINGs, and given up when they are not answered")
  func keepalive() async throws {
    let server = try await RawServer { peer in
      try await peer.send(.hello, payload: Hello.usual.packed())
      // HELLO and the CALL come first, or a PING before the CALL.
      var kinds: [UInt32] = []
      while !kinds.contains(UInt32(FrameKind.ping.rawValue)), let frame = try await peer.next() {
        kinds.append(frame.frame.kind)
      }
      #expect(kinds.contains(UInt32(FrameKind.ping.rawValue)))
    }
    var configuration = ClientConfiguration()
    configuration.limits.keepaliveIntervalMs = 20
    configuration.limits.keepaliveTimeoutMs = 20
    let client = try RPCClient(
      endpoint: server.endpoint, security: .plainLoopback, configuration: configuration,
      log: quietLog)
    let error = await rpcError { () async throws(RPCError) -> Blob in
      try await client.unary(Method.append, Blob("x"))
    }
    #expect(error == RPCError(.unavailable, "the other side does not answer"))
    await client.close()
    await server.close()
  }

  @Test("an answered PING keeps an idle connection")
  func answeredPing() async throws {
    var limits = ConnectionLimits()
    limits.keepaliveIntervalMs = 10
    limits.keepaliveTimeoutMs = 2_000
    try await withPair(clientLimits: limits) { pair in
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.sleep, Blob(), options: CallOptions(timeoutMs: 150))
      }
      #expect(error?.code == .deadlineExceeded)
    }
  }

  /// A server whose patience with the socket is short, and a reader with a large answer to read.
  private func withReader(_ body: (RawPeer) async throws -> Void) async throws {
    var limits = ConnectionLimits()
    limits.keepaliveTimeoutMs = 1_500
    try await withPair(serverLimits: limits) { pair in
      var hello = Hello.usual
      hello.streamCredit = 8 << 20
      hello.connectionCredit = 8 << 20
      let peer = try await RawPeer.greeted(pair.endpoint, hello, receiveBuffer: 16_384)
      try await peer.read(false)
      try await peer.send(
        .call, stream: 1, method: Method.repeated.id, flags: 1, payload: Array("1 4000000".utf8))
      try await body(peer)
      await peer.close()
    }
  }

  @Test("a reader that is slow keeps its connection")
  func slowReader() async throws {
    try await withReader { peer in
      // The queues take seconds to become empty at this pace.
      for _ in 0..<80 {
        try await Task.sleep(for: .milliseconds(30))
        try await peer.readOnce(4_096)
      }
      #expect(!peer.isClosed)
      try await peer.read(true)
      var total = 0
      while total < 4_000_000, let (_, payload) = try await peer.next() { total += payload.count }
      #expect(total == 4_000_000)
    }
  }

  @Test("a reader that stops loses its connection")
  func stoppedReader() async throws {
    try await withReader { peer in
      try await Task.sleep(for: .milliseconds(2_500))
      try await peer.read(true)
      let isClosed = await eventually { peer.isClosed }
      #expect(isClosed)
    }
  }

  @Test("connections past the limit are turned away, with the reason")
  func connectionLimit() async throws {
    var configuration = ServerConfiguration()
    configuration.connectionCountMax = 1
    let server = RPCServer(
      router: testRouter(), endpoint: try Endpoint("127.0.0.1:0"), security: .plainLoopback,
      authorizer: AlmostAll(), configuration: configuration, log: quietLog)
    let endpoint = try await server.start()
    let peer = try await RawPeer.greeted(endpoint)
    let late = try await RawPeer.connect(to: endpoint)
    #expect(try await late.goaway() == "too many connections")
    await peer.close()
    await server.drain(timeoutMs: 0)
  }
}

@Suite("Draining a server")
struct DrainTests {
  @Test("running calls finish, new ones are refused, and the port is free")
  func drain() async throws {
    try await withPair { pair in
      let call: ClientStream<Blob, Blob> = try await pair.client.bidirectional(Method.chat)
      try await call.send(Blob("before"))
      var replies = call.replies.makeAsyncIterator()
      #expect(try await replies.next()?.text == "before")
      #expect(pair.server.isServing)
      async let isClean = pair.server.drain(timeoutMs: 10_000)
      let isDraining = await eventually { pair.server.isDraining }
      #expect(isDraining)
      try await call.send(Blob("during"))
      #expect(try await replies.next()?.text == "during")
      var error: RPCError?
      for _ in 0..<1_000 where error == nil {
        error = await rpcError { () async throws(RPCError) -> Blob in
          try await pair.client.unary(Method.append, Blob("new"))
        }
      }
      #expect(error?.code == .unavailable)
      try await call.finish()
      #expect(try await replies.next() == nil)
      #expect(await isClean)
      #expect(!pair.server.isServing && !pair.server.isDraining)
    }
  }

  @Test("a stream without an end is ended at once, a call in progress finishes")
  func endlessStream() async throws {
    let (entered, release) = AsyncStream.makeStream(of: Void.self)
    var router = Router()
    router.bidirectional(Method.hold) {
      (requests: RequestStream<Blob>, replies: ReplyWriter<Blob>, context: CallContext)
        async throws in
      try await context.untilDrained {
        try await replies.send(Blob("begun"))
        try await Task.sleep(for: .seconds(3_600))
      }
    }
    router.unary(Method.append) { (request: Blob, context: CallContext) async throws -> Blob in
      for await _ in entered {}
      return Blob(request.text + "!")
    }
    try await withPair(router: router) { pair in
      let call: ClientStream<Blob, Blob> = try await pair.client.bidirectional(Method.hold)
      var replies = call.replies.makeAsyncIterator()
      #expect(try await replies.next()?.text == "begun")
      async let answer: Blob = pair.client.unary(Method.append, Blob("finished"))
      let isRunning = await eventually { pair.server.runningCallCount == 2 }
      #expect(isRunning)
      async let isClean = pair.server.drain(timeoutMs: 60_000)
      var caught: RPCError?
      do throws(RPCError) { _ = try await replies.next() } catch { caught = error }
      #expect(caught == RPCError(.unavailable, "the server is shutting down"))
      release.finish()
      #expect(try await answer.text == "finished!")
      #expect(await isClean)
    }
  }

  @Test("a call that does not end in time is cancelled")
  func timeout() async throws {
    try await withPair { pair in
      let call: ClientStream<Blob, Blob> = try await pair.client.bidirectional(Method.hold)
      let isRunning = await eventually { pair.seen.runningCount == 1 }
      #expect(isRunning)
      #expect(await pair.server.drain(timeoutMs: 20) == false)
      let isCancelled = await eventually { pair.seen.cancelledCount == 1 }
      #expect(isCancelled)
      var replies = call.replies.makeAsyncIterator()
      var caught: RPCError?
      do throws(RPCError) { _ = try await replies.next() } catch { caught = error }
      #expect(caught?.code == .unavailable)
    }
  }

  @Test("a connection that has not said HELLO does not hold a drain up")
  func silentPeer() async throws {
    try await withPair { pair in
      let peer = try await RawPeer.connect(to: pair.endpoint)
      _ = try await peer.next()
      #expect(await pair.server.drain(timeoutMs: 10_000))
    }
  }

  @Test("a call that crosses the drain behind its HELLO is not started, and its caller is told so")
  func crossedGreeting() async throws {
    var limits = ConnectionLimits()
    limits.lingerMs = 60_000
    try await withPair(serverLimits: limits) { pair in
      let peer = try await RawPeer.connect(to: pair.endpoint)
      // From the server's HELLO on a client may call.
      #expect(try await peer.next()?.frame.kind == UInt32(FrameKind.hello.rawValue))
      async let isClean = pair.server.drain(timeoutMs: 60_000)
      let told = try #require(try await peer.next())
      #expect(told.frame.kind == UInt32(FrameKind.goaway.rawValue))
      #expect(try Goaway(packed: told.payload).lastStream == 0)
      try await peer.send(.hello, payload: Hello.usual.packed())
      try await peer.send(
        .call, stream: 1, method: Method.append.id, flags: 1,
        payload: Blob("x").packed())
      // Neither answered nor reset: what says that it was not started must arrive.
      try await Task.sleep(for: .milliseconds(50))
      #expect(!peer.isClosed)
      #expect(pair.seen.runningCount == 0 && pair.seen.finished.isEmpty)
      await peer.close()
      #expect(await isClean)
    }
  }

  @Test("draining twice, or before the start, is harmless")
  func repeated() async throws {
    let server = RPCServer(
      router: Router(), endpoint: try Endpoint("127.0.0.1:0"), security: .plainLoopback,
      authorizer: AlmostAll(), log: quietLog)
    #expect(await server.drain(timeoutMs: 10))
    #expect(await server.drain(timeoutMs: 10))
  }
}
