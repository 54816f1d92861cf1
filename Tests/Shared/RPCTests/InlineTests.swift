import RPC
import Synchronization
import Testing
import Transport
import WireFormat

@Suite("Calls that are answered where they were read")
struct InlineTests {
  private static let echo = method(21, "Echo")
  private static let fail = method(22, "Fail")
  private static let twice = method(23, "Twice")

  private static func method(_ id: UInt32, _ name: String) -> MethodDescriptor {
    MethodDescriptor(
      id: id, name: "tacit.test.v1.Inline/\(name)", kind: .unary, scope: "test.inline",
      isInline: true, isIdempotent: false)
  }

  private func router() -> Router {
    var router = testRouter()
    router.inlineUnary(Self.echo) { (request: Blob, _: CallContext) throws -> Blob in request }
    router.inlineUnary(Self.fail) { (request: Blob, _: CallContext) throws -> Blob in
      if request.text == "mapped" { throw ShopError.closed }
      throw UnmappedError()
    }
    router.inlineUnary(Self.twice) { (request: Blob, _: CallContext) throws -> Blob in
      var reply = request
      reply.bytes += request.bytes
      return reply
    }
    return router
  }

  @Test(
    "the reply comes back, whatever its size and the request's",
    arguments: [
      0, 1, 64, 65_535, 65_536, 65_537, 1 << 20,
    ])
  func sizes(byteCount: Int) async throws {
    try await withPair(router: router()) { pair in
      let reply: Blob = try await pair.client.unary(Self.twice, Blob(count: byteCount))
      #expect(reply.bytes.count == byteCount * 2)
    }
  }

  @Test("a reply past the message limit is refused, and the next call is answered")
  func tooLong() async throws {
    try await withPair(router: router()) { pair in
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Self.twice, Blob(count: 3 << 20))
      }
      #expect(error?.code == .resourceExhausted)
      let reply: Blob = try await pair.client.unary(Self.echo, Blob("still there"))
      #expect(reply.text == "still there")
    }
  }

  @Test("errors arrive as they do from any other handler")
  func errors() async throws {
    try await withPair(router: router()) { pair in
      func code(_ method: MethodDescriptor, _ request: Blob) async -> StatusCode? {
        await rpcError { () async throws(RPCError) -> Blob in
          try await pair.client.unary(method, request)
        }?.code
      }
      #expect(await code(Self.fail, Blob("mapped")) == .failedPrecondition)
      #expect(await code(Self.fail, Blob("other")) == .internalError)
      #expect(await code(Self.echo, Blob(count: 1, of: 0xFF)) == .invalidArgument)
      #expect(
        pair.seen.finished.map(\.code) == [
          .failedPrecondition, .internalError, .invalidArgument,
        ])
    }
  }

  @Test("many tasks on the client's own executor each get their own reply")
  func ownExecutor() async throws {
    try await withPair(router: router()) { pair in
      let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
        for index in 0..<300 {
          group.addTask(executorPreference: pair.client.executor) {
            var wrong = 0
            for round in 0..<20 {
              let text = "\(index)/\(round)"
              let method = round % 2 == 0 ? Self.echo : Method.echo
              let reply: Blob = try await pair.client.unary(method, Blob(text))
              if reply.text != text { wrong += 1 }
            }
            return wrong
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(wrong == 0)
    }
  }
}

@Suite("Deadlines of many calls")
struct DeadlineTests {
  @Test("each call ends at its own deadline, in whatever order they were asked for")
  func ownDeadlines() async throws {
    try await withPair { pair in
      let clock = ContinuousClock()
      let timeouts = [900, 50, 400, 51, 200, 50, 600]
      let early = try await withThrowingTaskGroup(of: Bool.self) { group in
        for timeoutMs in timeouts {
          group.addTask {
            let start = clock.now
            let error = await rpcError { () async throws(RPCError) -> Blob in
              try await pair.client.unary(
                Method.sleep, Blob("x"), options: CallOptions(timeoutMs: timeoutMs))
            }
            #expect(error?.code == .deadlineExceeded)
            return clock.now - start < .milliseconds(timeoutMs - 1)
          }
        }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(early == 0)
      #expect(await eventually { pair.seen.runningCount == 0 })
    }
  }

  @Test("calls that end in time leave those that wait longer alone")
  func mixed() async throws {
    try await withPair { pair in
      async let slow = rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(
          Method.sleep, Blob("x"), options: CallOptions(timeoutMs: 300))
      }
      for _ in 0..<200 {
        let reply: Blob = try await pair.client.unary(
          Method.echo, Blob("quick"), options: CallOptions(timeoutMs: 5_000))
        #expect(reply.text == "quick")
      }
      #expect(await slow?.code == .deadlineExceeded)
    }
  }
}
