import CommonAPI
import HealthAPI
import PrivacyCore
import RPC
import Testing
import Transport
import WireFormat

@Suite("Calls with one request and one reply")
struct UnaryTests {
  @Test("the reply comes back")
  func echo() async throws {
    try await withPair { pair in
      let reply: Blob = try await pair.client.unary(Method.append, Blob("hello"))
      #expect(reply.text == "hello!")
    }
  }

  @Test("empty messages go both ways")
  func empty() async throws {
    try await withPair { pair in
      let reply: Blob = try await pair.client.unary(Method.echo, Blob())
      #expect(reply.bytes.isEmpty)
    }
  }

  @Test("many calls at once each get their own reply")
  func concurrent() async throws {
    try await withPair { pair in
      let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
        for index in 0..<500 {
          group.addTask {
            let reply: Blob = try await pair.client.unary(Method.append, Blob("\(index)"))
            return reply.text != "\(index)!"
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(wrong == 0)
    }
  }

  @Test(
    "messages of every size around the chunk limit survive",
    arguments: [65_535, 65_536, 65_537, 131_072, 3 << 20, 4 << 20])
  func large(byteCount: Int) async throws {
    try await withPair { pair in
      var request = Blob(count: byteCount)
      for index in stride(from: 0, to: byteCount, by: 997) {
        request.bytes[index] = UInt8(truncatingIfNeeded: index % 251)
      }
      let reply: Blob = try await pair.client.unary(Method.echo, request)
      #expect(reply == request)
    }
  }

  @Test("a request past the message limit is refused before it is sent")
  func tooLarge() async throws {
    try await withPair { pair in
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.echo, Blob(count: (4 << 20) + 1))
      }
      #expect(error?.code == .resourceExhausted)
      let reply: Blob = try await pair.client.unary(Method.echo, Blob("still here"))
      #expect(reply.text == "still here")
    }
  }

  @Test("a reply past the client's limit is refused with a status")
  func replyTooLarge() async throws {
    var limits = ConnectionLimits()
    limits.messageByteCountMax = 131_072
    try await withPair(clientLimits: limits) { pair in
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.echo, Blob(count: 131_073))
      }
      #expect(error?.code == .resourceExhausted)
      let reply: Blob = try await pair.client.unary(Method.echo, Blob(count: 131_072))
      #expect(reply.bytes.count == 131_072)
    }
  }

  @Test("generated clients and servers speak to each other")
  func generated() async throws {
    struct Service: HealthServing {
      func check(
        _ request: HealthAPI.CheckRequest, context: CallContext
      ) async throws -> HealthAPI.CheckReply {
        var reply = HealthAPI.CheckReply()
        reply.state = .ready
        return reply
      }

      func status(
        _ request: HealthAPI.StatusRequest, context: CallContext
      ) async throws -> ServiceStatus {
        throw RPCError(.unimplemented, "not here")
      }
    }
    var router = Router()
    Service().register(on: &router)
    let server = RPCServer(
      router: router, endpoint: try Endpoint("127.0.0.1:0"), security: .plainLoopback,
      authorizer: AlmostAll(), log: quietLog)
    let client = try RPCClient(
      endpoint: try await server.start(), security: .plainLoopback, log: quietLog)
    let reply = try await HealthClient(client).check(HealthAPI.CheckRequest())
    #expect(reply.state == .ready)
    await client.close()
    await server.drain(timeoutMs: 0)
  }
}
