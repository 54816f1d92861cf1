import RPC
import Testing
import Transport
import WireFormat

@Suite("A server and peers that break the rules")
struct ViolationTests {
  private func goaway(
    limits: ConnectionLimits = ConnectionLimits(), after send: (RawPeer) async throws -> Void
  ) async throws -> String? {
    try await withPair(serverLimits: limits) { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      try await send(peer)
      let message = try await peer.goaway()
      // Whatever one peer does, the others are served.
      let reply: Blob = try await pair.client.unary(Method.echo, Blob("fine"))
      #expect(reply.text == "fine")
      return message
    }
  }

  @Test("garbage ends the connection with a reason")
  func garbage() async throws {
    let message = try await goaway { try await $0.send([0, 0, 0, 4, 0xFF, 0xFF, 0xFF, 0xFF]) }
    #expect(message?.contains("no frame") == true)
  }

  @Test("a length past the limit is refused before its bytes come")
  func oversized() async throws {
    let message = try await goaway { try await $0.send([0x7F, 0xFF, 0xFF, 0xFF]) }
    #expect(message?.contains("longer than the 131072 allowed") == true)
  }

  @Test("a length one past the limit is refused, and the limit itself is not")
  func lengthLimit() async throws {
    let byteCount = 131_072 + 1
    let message = try await goaway {
      try await $0.send(withUnsafeBytes(of: UInt32(byteCount).bigEndian) { Array($0) })
    }
    #expect(message?.contains("\(byteCount)") == true)
    try await withPair { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      try await peer.send(withUnsafeBytes(of: UInt32(byteCount - 1).bigEndian) { Array($0) })
      let reply: Blob = try await pair.client.unary(Method.echo, Blob("meanwhile"))
      #expect(reply.text == "meanwhile")
      #expect(!peer.isClosed)
      await peer.close()
    }
  }

  @Test("a frame of length 0 is refused")
  func zeroLength() async throws {
    let message = try await goaway { try await $0.send([0, 0, 0, 0]) }
    #expect(message?.contains("length 0") == true)
  }

  @Test("a frame that does not end in time is refused")
  func halfFrame() async throws {
    var limits = ConnectionLimits()
    limits.frameTimeoutMs = 20
    let message = try await goaway(limits: limits) { try await $0.send([0, 0, 0, 9, 1]) }
    #expect(message?.contains("did not end in time") == true)
  }

  @Test("whole frames that come with the beginning of the next one are never late")
  func overlappingFrames() async throws {
    var limits = ConnectionLimits()
    // All together takes longer than one frame may; one frame takes a twentieth of it.
    limits.frameTimeoutMs = 2_000
    try await withPair(serverLimits: limits) { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      let ping = RawPeer.bytes(.ping, payload: [1])
      try await peer.send(Array(ping.prefix(3)))
      for _ in 0..<24 {
        try await Task.sleep(for: .milliseconds(100))
        try await peer.send(Array(ping.dropFirst(3) + ping.prefix(3)))
        #expect(try await peer.next()?.payload == [1])
      }
      await peer.close()
    }
  }

  @Test("a cut frame and a close leave nothing behind", arguments: 1..<12)
  func truncated(byteCount: Int) async throws {
    try await withPair { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      let whole = RawPeer.bytes(.call, stream: 1, method: 1, flags: 1, payload: [1, 2, 3])
      try await peer.send(Array(whole.prefix(byteCount)))
      await peer.close()
      let reply: Blob = try await pair.client.unary(Method.echo, Blob("fine"))
      #expect(reply.text == "fine")
    }
  }

  @Test("a frame before HELLO is refused")
  func noHello() async throws {
    try await withPair { pair in
      let peer = try await RawPeer.connect(to: pair.endpoint)
      try await peer.send(.call, stream: 1, method: 1, flags: 1)
      #expect(try await peer.goaway()?.contains("before HELLO") == true)
    }
  }

  @Test("a second HELLO is refused")
  func helloTwice() async throws {
    let message = try await goaway { try await $0.send(.hello, payload: Hello.usual.packed()) }
    #expect(message?.contains("second HELLO") == true)
  }

  @Test("a peer that never says HELLO is sent away")
  func silent() async throws {
    var limits = ConnectionLimits()
    limits.handshakeTimeoutMs = 20
    try await withPair(serverLimits: limits) { pair in
      let peer = try await RawPeer.connect(to: pair.endpoint)
      #expect(try await peer.goaway() == "no HELLO in time")
    }
  }

  @Test("another protocol version is told what to upgrade", arguments: [UInt32(0), 2])
  func version(number: UInt32) async throws {
    try await withPair { pair in
      let peer = try await RawPeer.connect(to: pair.endpoint)
      var hello = Hello.usual
      hello.version = number
      try await peer.send(.hello, payload: hello.packed())
      let message = try await peer.goaway()
      #expect(message?.contains("version 1") == true)
      #expect(message?.contains("upgrade \(number < 1 ? "the other one" : "this one")") == true)
    }
  }

  @Test("limits that leave no room for a message are refused")
  func tinyFrames() async throws {
    try await withPair { pair in
      let peer = try await RawPeer.connect(to: pair.endpoint)
      var hello = Hello.usual
      hello.frameByteCountMax = 131_071
      try await peer.send(.hello, payload: hello.packed())
      #expect(try await peer.goaway()?.contains("131071") == true)
    }
  }

  @Test("a replayed CALL is refused")
  func replayed() async throws {
    let call = RawPeer.bytes(.call, stream: 3, method: 1, flags: 1, payload: [1])
    let message = try await goaway { try await $0.send(call + call) }
    #expect(message?.contains("stream 3 after stream 3") == true)
  }

  @Test("an even stream is refused")
  func evenStream() async throws {
    let message = try await goaway { try await $0.send(.call, stream: 2, method: 1, flags: 1) }
    #expect(message?.contains("even stream 2") == true)
  }

  @Test(
    "a frame on a stream that was never opened is refused",
    arguments: [FrameKind.data, .credit, .cancel])
  func unknownStream(kind: FrameKind) async throws {
    let message = try await goaway { try await $0.send(kind, stream: 9, credit: 1) }
    #expect(message?.contains("stream 9, which was never opened") == true)
  }

  @Test("an unknown kind is refused")
  func unknownKind() async throws {
    let message = try await goaway { try await $0.send(.unrecognized(77), stream: 1) }
    #expect(message?.contains("77") == true)
  }

  @Test("unknown flags are refused")
  func unknownFlags() async throws {
    let message = try await goaway { try await $0.send(.call, stream: 1, method: 1, flags: 9) }
    #expect(message?.contains("flags 9") == true)
  }

  @Test("a REPLY from a client is refused")
  func replyFromClient() async throws {
    let message = try await goaway { try await $0.send(.reply, stream: 1) }
    #expect(message?.contains("REPLY from a client") == true)
  }

  @Test("DATA behind END_STREAM is refused")
  func dataAfterEnd() async throws {
    let message = try await goaway { peer in
      try await peer.send(.call, stream: 1, method: Method.hold.id, flags: 1)
      try await peer.send(.data, stream: 1, payload: [1])
    }
    #expect(message?.contains("DATA after END_STREAM") == true)
  }

  @Test("more data than was granted is refused")
  func beyondCredit() async throws {
    var limits = ConnectionLimits()
    limits.streamCredit = 1_024
    let message = try await goaway(limits: limits) { peer in
      try await peer.send(.call, stream: 1, method: Method.hold.id)
      try await peer.send(.data, stream: 1, payload: [UInt8](repeating: 1, count: 960))
      try await peer.send(.data, stream: 1)
    }
    #expect(message?.contains("stream's credit") == true)
  }

  @Test("credit past 2^31 - 1 is refused")
  func creditOverflow() async throws {
    let message = try await goaway { try await $0.send(.credit, credit: 0x7FFF_FFFF) }
    #expect(message?.contains("2^31") == true)
  }

  @Test("a CREDIT of nothing is refused")
  func creditOfNothing() async throws {
    let message = try await goaway { try await $0.send(.credit) }
    #expect(message?.contains("CREDIT of 0") == true)
  }

  @Test("too many PINGs end the connection, and the allowed ones are answered")
  func pingFlood() async throws {
    var limits = ConnectionLimits()
    limits.pingCountMax = 3
    try await withPair(serverLimits: limits) { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      for number in 0..<3 { try await peer.send(.ping, payload: [UInt8(number)]) }
      for number in 0..<3 {
        let pong = try await peer.next()
        #expect(pong?.frame.kind == UInt32(FrameKind.pong.rawValue))
        #expect(pong?.payload == [UInt8(number)])
      }
      try await peer.send(.ping)
      #expect(try await peer.goaway()?.contains("more than 3 PINGs") == true)
    }
  }

  @Test("late frames on a closed stream are ignored")
  func lateFrames() async throws {
    try await withPair { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      try await peer.send(.call, stream: 1, method: Method.echo.id, flags: 1, payload: [1])
      #expect(try await peer.next()?.payload == [1])
      try await peer.send(.data, stream: 1, payload: [2])
      try await peer.send(.cancel, stream: 1)
      try await peer.send(.credit, stream: 1, credit: 10)
      try await peer.send(.call, stream: 3, method: Method.echo.id, flags: 1, payload: [3])
      #expect(try await peer.next()?.payload == [3])
      await peer.close()
    }
  }

  @Test("calls past the stream limit are refused, cancelled ones that still run included")
  func streamLimit() async throws {
    var limits = ConnectionLimits()
    limits.streamCountMax = 2
    try await withPair(serverLimits: limits) { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      try await peer.send(.call, stream: 1, method: Method.hold.id)
      try await peer.send(.call, stream: 3, method: Method.hold.id)
      try await peer.send(.call, stream: 5, method: Method.echo.id, flags: 1)
      let refused = try await peer.next()
      #expect(refused?.frame.stream == 5)
      #expect(refused?.frame.status == StatusCode.resourceExhausted.rawValue)
      try await peer.send(.cancel, stream: 1)
      let hasEnded = await eventually {
        pair.seen.cancelledCount == 1 && pair.seen.runningCount == 1
      }
      #expect(hasEnded)
      // The handler tells its connection that it has ended; a call is let in soon after.
      var status = StatusCode.resourceExhausted.rawValue
      for stream in stride(from: UInt32(7), to: 2_007, by: 2) where status != 0 {
        try await peer.send(.call, stream: stream, method: Method.echo.id, flags: 1)
        status = try await peer.next()?.frame.status ?? 99
      }
      #expect(status == 0)
      await peer.close()
    }
  }
}

@Suite("What a server holds for its clients")
struct MemoryTests {
  @Test("a CALL with more than a piece is refused")
  func oversizedCall() async throws {
    try await withPair { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      try await peer.send(
        .call, stream: 1, method: Method.echo.id, flags: 1,
        payload: [UInt8](repeating: 1, count: 65_536))
      #expect(try await peer.next()?.payload.count == 65_536)
      try await peer.send(
        .call, stream: 3, method: Method.echo.id, flags: 1,
        payload: [UInt8](repeating: 1, count: 65_537))
      let goaway = try #require(try await peer.next())
      #expect(goaway.frame.kind == UInt32(FrameKind.goaway.rawValue))
      await peer.close()
    }
  }

  @Test("past the one limit calls are refused, and taken again when others have gone")
  func budget() async throws {
    var configuration = ServerConfiguration()
    configuration.memoryByteCountMax = 16 << 20
    let server = RPCServer(
      router: testRouter(), endpoint: try Endpoint("127.0.0.1:0"), security: .plainLoopback,
      authorizer: AlmostAll(), configuration: configuration, log: quietLog)
    let endpoint = try await server.start()
    let hog = try await RawPeer.greeted(endpoint)
    // Requests that never end, within the credit: 14 pieces on each of many streams.
    let piece = [UInt8](repeating: 1, count: 65_000)
    var credit = 4 << 20
    var refused: UInt32?
    func look(_ answer: (frame: Frame, payload: [UInt8])?) {
      guard let frame = answer?.frame else { return }
      switch FrameKind(rawValue: Int32(frame.kind)) {
      case .credit where frame.stream == 0: credit += Int(frame.credit)
      case .reply: refused = frame.status
      default: break
      }
    }
    for stream in stride(from: UInt32(1), through: 99, by: 2) where refused == nil {
      try await hog.send(
        .call, stream: stream, method: Method.echo.id, flags: 2, payload: piece)
      for _ in 0..<13 where refused == nil {
        while credit < 65_064, refused == nil { look(try await hog.next()) }
        try await hog.send(.data, stream: stream, flags: 2, payload: piece)
        credit -= 65_064
      }
    }
    #expect(refused == StatusCode.resourceExhausted.rawValue)
    let client = try RPCClient(endpoint: endpoint, security: .plainLoopback, log: quietLog)
    await hog.close()
    // The server notices that the other end has gone.
    var reply: Blob?
    for _ in 0..<200 where reply == nil {
      reply = try? await client.unary(Method.echo, Blob("good"))
      if reply == nil { try await Task.sleep(for: .milliseconds(10)) }
    }
    #expect(reply?.text == "good")
    await client.close()
    await server.drain(timeoutMs: 0)
  }

  @Test("a request that does not end in time fails its call, and nothing else")
  func unfinishedRequest() async throws {
    var limits = ConnectionLimits()
    limits.requestTimeoutMs = 50
    try await withPair(serverLimits: limits) { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      try await peer.send(.call, stream: 1, method: Method.echo.id, flags: 2, payload: [1])
      let refused = try #require(try await peer.next())
      #expect(refused.frame.stream == 1)
      #expect(refused.frame.status == StatusCode.deadlineExceeded.rawValue)
      try await peer.send(.call, stream: 3, method: Method.echo.id, flags: 1, payload: [3])
      #expect(try await peer.next()?.payload == [3])
      await peer.close()
    }
  }

  @Test("calls that are cancelled before they began run no handler")
  func rapidReset() async throws {
    try await withPair { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      var bytes: [UInt8] = []
      for stream in stride(from: UInt32(1), to: 2_001, by: 2) {
        bytes += RawPeer.bytes(.call, stream: stream, method: Method.hold.id)
        bytes += RawPeer.bytes(.cancel, stream: stream)
      }
      try await peer.send(bytes)
      let reply: Blob = try await pair.client.unary(Method.echo, Blob("meanwhile"))
      #expect(reply.text == "meanwhile")
      let hasEnded = await eventually { pair.seen.runningCount == 0 }
      #expect(hasEnded)
      await peer.close()
    }
  }
}
