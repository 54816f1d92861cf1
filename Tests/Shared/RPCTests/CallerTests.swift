import PrivacyCore
import RPC
import Testing
import Transport
import WireFormat

/// Calls from tasks on the client's own executor, once its connection is open: they go straight into
/// what is sent, and each of their ends is another one than that of calls from anywhere else.
@Suite("Calls from the connection's event loop")
struct CallerTests {
  /// Runs `body` on the client's executor, with the connection open.
  private func onLoop<Value: Sendable>(
    _ pair: Pair, _ body: @escaping @Sendable (RPCClient) async throws -> Value
  ) async throws -> Value {
    let client = pair.client
    return try await Task(executorPreference: client.executor) {
      let _: Blob = try await client.unary(Method.echo, Blob("open"))
      return try await body(client)
    }.value
  }

  @Test(
    "the reply comes back, whatever its size",
    arguments: [0, 1, 64, 4_096, 4_097, 65_535, 65_536, 65_537, 1 << 20, 4 << 20])
  func sizes(byteCount: Int) async throws {
    try await withPair { pair in
      let wrong = try await onLoop(pair) { client in
        var wrong = 0
        for round in 0..<3 {
          let request = Blob(count: byteCount, of: UInt8(round))
          let reply: Blob = try await client.unary(Method.echo, request)
          if reply != request { wrong += 1 }
        }
        return wrong
      }
      #expect(wrong == 0)
    }
  }

  @Test("a request and a reply past the message limit are refused, and the next call is answered")
  func tooLong() async throws {
    var limits = ConnectionLimits()
    limits.messageByteCountMax = 131_072
    try await withPair(clientLimits: limits) { pair in
      let codes = try await onLoop(pair) { client in
        var codes: [StatusCode?] = []
        for byteCount in [131_072, 131_073, (4 << 20) + 1, 10] {
          codes.append(
            await rpcError { () async throws(RPCError) -> Blob in
              try await client.unary(Method.echo, Blob(count: byteCount))
            }?.code)
        }
        return codes
      }
      #expect(codes == [nil, .resourceExhausted, .resourceExhausted, nil])
    }
  }

  @Test("errors arrive with their details, and a reply that cannot be decoded is an error")
  func errors() async throws {
    try await withPair { pair in
      let (mapped, undecodable) = try await onLoop(pair) { client in
        let mapped = await rpcError { () async throws(RPCError) -> Blob in
          try await client.unary(Method.fail, Blob("mapped"))
        }
        let undecodable = await rpcError { () async throws(RPCError) -> Blob in
          try await client.unary(Method.append, Blob(count: 1, of: 0xFF))
        }
        return (mapped, undecodable)
      }
      #expect(mapped == ShopError.closed.rpcError)
      #expect(undecodable?.code == .invalidArgument)
      #expect(undecodable?.detail("field") == "Blob.text")
    }
  }

  @Test("a call that is made again has the time that is left of its deadline")
  func retryDeadline() async throws {
    let seen = Observations()
    var router = Router()
    router.unary(Method.echo) { (request: Blob, context: CallContext) async throws -> Blob in
      request
    }
    router.unary(Method.flaky) { (request: Blob, context: CallContext) async throws -> Blob in
      if seen.noteCall() == 1 {
        try await Task.sleep(for: .milliseconds(300))
        throw RPCError(.unavailable, "not now")
      }
      return Blob("\(context.deadline?.remainingMicroseconds(context.time) ?? -1)")
    }
    try await withPair(router: router) { pair in
      let left = try await onLoop(pair) { client in
        let reply: Blob = try await client.unary(
          Method.flaky, Blob(), options: CallOptions(timeoutMs: 5_000))
        return Int(reply.text) ?? -1
      }
      #expect(seen.callCount == 2)
      #expect((1...4_700_000).contains(left), "\(left) microseconds were left")
    }
  }

  @Test("a connection whose numbers are used up is replaced, and no call is lost")
  func usedUp() async throws {
    var limits = ConnectionLimits()
    // Thirty-one calls: the thirty-second finds a connection that takes no more.
    limits.streamIDMax = 61
    try await withPair(clientLimits: limits) { pair in
      let answered = try await onLoop(pair) { client in
        // One after the other, in place.
        for number in 0..<12 {
          let reply: Blob = try await client.unary(Method.append, Blob("\(number)"))
          guard reply.text == "\(number)!" else { return 0 }
        }
        // At once, while a connection is being replaced.
        return try await withThrowingTaskGroup(of: Bool.self) { group in
          for number in 0..<40 {
            group.addTask {
              let reply: Blob = try await client.unary(Method.append, Blob("\(number)"))
              return reply.text == "\(number)!"
            }
          }
          return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
      }
      #expect(answered == 40)
      #expect(pair.seen.finished.count == 53)
    }
  }

  @Test("a stream goes on although its connection's numbers are used up behind it")
  func usedUpBehindStream() async throws {
    var limits = ConnectionLimits()
    limits.streamIDMax = 5
    try await withPair(clientLimits: limits) { pair in
      let chat: ClientStream<Blob, Blob> = try await pair.client.bidirectional(Method.chat)
      var replies = chat.replies.makeAsyncIterator()
      for number in 0..<6 {
        let _: Blob = try await pair.client.unary(Method.append, Blob("\(number)"))
        try await chat.send(Blob("still \(number)"))
        #expect(try await replies.next()?.text == "still \(number)")
      }
      try await chat.finish()
      #expect(try await replies.next() == nil)
    }
  }

  @Test("metadata and deadline reach the handler")
  func context() async throws {
    try await withPair { pair in
      let texts = try await onLoop(pair) { client in
        let bare: Blob = try await client.unary(Method.context, Blob())
        let forever: Blob = try await client.unary(
          Method.context, Blob(), options: CallOptions(timeoutMs: 0))
        let named: Blob = try await client.unary(
          Method.context, Blob(), options: CallOptions(metadata: ["tenant": "acme"]))
        return [bare.text, forever.text, named.text]
      }
      let name = "tacit.test.v1.Test/Context"
      #expect(
        texts == [
          "tacit:local|-|-|true|\(name)", "tacit:local|-|-|no deadline|\(name)",
          "tacit:local|acme|-|true|\(name)",
        ])
    }
  }

  @Test("a call ends at its deadline, and a call without one that uses its memory does not")
  func deadline() async throws {
    try await withPair { pair in
      let codes = try await onLoop(pair) { client in
        let expired = await rpcError { () async throws(RPCError) -> Blob in
          try await client.unary(Method.sleep, Blob(), options: CallOptions(timeoutMs: 50))
        }
        // These end in time and leave their memory to the next.
        for _ in 0..<3 {
          let _: Blob = try await client.unary(
            Method.echo, Blob("x"), options: CallOptions(timeoutMs: 1_000))
        }
        let endless = Task(executorPreference: client.executor) {
          await rpcError { () async throws(RPCError) -> Blob in
            try await client.unary(Method.sleep, Blob(), options: CallOptions(timeoutMs: 0))
          }
        }
        try await Task.sleep(for: .milliseconds(1_300))
        // The time since the last read is not this call's.
        let _: Blob = try await client.unary(
          Method.echo, Blob("x"), options: CallOptions(timeoutMs: 1_000))
        endless.cancel()
        return [expired?.code, await endless.value?.code]
      }
      #expect(codes == [.deadlineExceeded, .cancelled])
      #expect(await eventually { pair.seen.runningCount == 0 })
    }
  }

  @Test("a cancelled task's call ends, also when it was cancelled before it called")
  func cancelled() async throws {
    try await withPair { pair in
      let codes = try await onLoop(pair) { client in
        let late = Task(executorPreference: client.executor) {
          await rpcError { () async throws(RPCError) -> Blob in
            try await client.unary(Method.sleep, Blob())
          }
        }
        #expect(await eventually { pair.seen.runningCount == 1 })
        late.cancel()
        let early = Task(executorPreference: client.executor) {
          withUnsafeCurrentTask { $0?.cancel() }
          return await rpcError { () async throws(RPCError) -> Blob in
            try await client.unary(Method.sleep, Blob())
          }
        }
        return [await late.value?.code, await early.value?.code]
      }
      #expect(codes == [.cancelled, .cancelled])
      #expect(await eventually { pair.seen.runningCount == 0 })
    }
  }

  @Test("an idempotent call that was unavailable is made again once, another one is not")
  func retries() async throws {
    try await withPair { pair in
      let text = try await onLoop(pair) { client in
        let reply: Blob = try await client.unary(Method.flaky, Blob("again"))
        return reply.text
      }
      #expect(text == "again")
      #expect(pair.seen.callCount == 2)
    }
  }

  @Test("calls wait for a free stream where there is none")
  func streamLimit() async throws {
    var limits = ConnectionLimits()
    limits.streamCountMax = 2
    try await withPair(serverLimits: limits) { pair in
      let replies = try await onLoop(pair) { client in
        try await withThrowingTaskGroup(of: String.self) { group in
          for index in 0..<50 {
            group.addTask(executorPreference: client.executor) {
              let reply: Blob = try await client.unary(Method.append, Blob("\(index)"))
              return reply.text
            }
          }
          return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
      }
      #expect(replies == Set((0..<50).map { "\($0)!" }))
    }
  }

  @Test("calls under way fail when the connection is lost, and the next one opens another")
  func lostConnection() async throws {
    try await withPair { pair in
      let code = try await onLoop(pair) { client in
        let call = Task(executorPreference: client.executor) {
          await rpcError { () async throws(RPCError) -> Blob in
            try await client.unary(Method.sleep, Blob())
          }
        }
        #expect(await eventually { pair.seen.runningCount == 1 })
        await pair.server.drain(timeoutMs: 0)
        return await call.value?.code
      }
      #expect(code == .unavailable)
      let again = RPCServer(
        router: testRouter(), endpoint: pair.endpoint, security: .plainLoopback,
        authorizer: AlmostAll(), log: quietLog)
      try await again.start()
      let text = try await Task(executorPreference: pair.client.executor) {
        let reply: Blob = try await pair.client.unary(Method.echo, Blob("back"))
        return reply.text
      }.value
      #expect(text == "back")
      await again.drain(timeoutMs: 0)
    }
  }

  @Test("a task that is on the loop for one moment and elsewhere after it gets its reply")
  func elsewhere() async throws {
    try await withPair { pair in
      let texts = try await onLoop(pair) { client in
        // Begins on the event loop, where it is made, and goes on wherever there is room.
        let task = Task.immediate(executorPreference: globalConcurrentExecutor) {
          var texts: [String] = []
          for index in 0..<20 {
            let reply: Blob = try await client.unary(Method.append, Blob("\(index)"))
            texts.append(reply.text)
          }
          return texts
        }
        return try await task.value
      }
      #expect(texts == (0..<20).map { "\($0)!" })
    }
  }
}
