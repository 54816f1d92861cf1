import RPC
import Testing
import WireFormat

@Suite("Calls that stream")
struct StreamingTests {
  @Test("a server's replies come in order and end with success", arguments: [0, 1, 1_000])
  func serverStreaming(count: Int) async throws {
    try await withPair { pair in
      let replies: ReplyStream<Blob> = try await pair.client.serverStreaming(
        Method.repeated, Blob("\(count) 10"))
      var received = 0
      for try await reply in replies {
        #expect(reply.bytes.count == 10)
        received += 1
      }
      #expect(received == count)
    }
  }

  @Test("empty messages in a stream are messages")
  func emptyMessages() async throws {
    try await withPair { pair in
      let replies: ReplyStream<Blob> = try await pair.client.serverStreaming(
        Method.repeated, Blob("100 0"))
      var received = 0
      for try await _ in replies { received += 1 }
      #expect(received == 100)
    }
  }

  @Test("the replies before a failure are delivered, then its status")
  func failureAfterReplies() async throws {
    try await withPair { pair in
      let replies: ReplyStream<Blob> = try await pair.client.serverStreaming(
        Method.repeated, Blob("3 5 fail"))
      var received = 0
      var caught: RPCError?
      do throws(RPCError) {
        for try await _ in replies { received += 1 }
      } catch {
        caught = error
      }
      #expect(received == 3)
      #expect(caught?.code == .dataLoss)
      #expect(caught?.message == "after 3")
    }
  }

  @Test("a stream larger than all credit flows", arguments: [1_000, 100_000, 3 << 20])
  func beyondCredit(byteCount: Int) async throws {
    let count = (12 << 20) / byteCount
    try await withPair { pair in
      let replies: ReplyStream<Blob> = try await pair.client.serverStreaming(
        Method.repeated, Blob("\(count) \(byteCount)"))
      var received = 0
      for try await reply in replies { received += reply.bytes.count }
      #expect(received == count * byteCount)
    }
  }

  @Test("a client's requests are joined into one reply")
  func clientStreaming() async throws {
    try await withPair { pair in
      let call: ClientStream<Blob, Blob> = try await pair.client.clientStreaming(Method.join)
      for index in 0..<10 { try await call.send(Blob("\(index)")) }
      #expect(try await call.finishAndReceive().text == "10:0123456789")
    }
  }

  @Test("large requests in a stream survive the credit")
  func largeRequests() async throws {
    try await withPair { pair in
      let call: ClientStream<Blob, Blob> = try await pair.client.clientStreaming(Method.join)
      for _ in 0..<4 { try await call.send(Blob(count: 3 << 20, of: 65)) }
      let reply = try await call.finishAndReceive()
      #expect(reply.text == "\(12 << 20):" + String(repeating: "A", count: 64))
    }
  }

  @Test("a client stream without requests is one")
  func noRequests() async throws {
    try await withPair { pair in
      let call: ClientStream<Blob, Blob> = try await pair.client.clientStreaming(Method.join)
      #expect(try await call.finishAndReceive().text == "0:")
    }
  }

  @Test("a reply before the last request counts, and later requests say that the call has ended")
  func earlyReply() async throws {
    try await withPair { pair in
      let call: ClientStream<Blob, Blob> = try await pair.client.clientStreaming(Method.join)
      try await call.send(Blob("stop"))
      var error: RPCError?
      for _ in 0..<5_000 where error == nil {
        error = await rpcError { () async throws(RPCError) in try await call.send(Blob("more")) }
      }
      #expect(error?.code == .failedPrecondition)
      #expect(try await call.finishAndReceive().text == "stopped")
    }
  }

  @Test("messages go both ways at once")
  func bidirectional() async throws {
    try await withPair { pair in
      let call: ClientStream<Blob, Blob> = try await pair.client.bidirectional(Method.chat)
      var replies = call.replies.makeAsyncIterator()
      for index in 0..<50 {
        try await call.send(Blob("\(index)"))
        #expect(try await replies.next()?.text == "\(index)")
      }
      try await call.finish()
      #expect(try await replies.next() == nil)
    }
  }

  @Test("a writer and a reader in two tasks move more than all credit")
  func bidirectionalAtFull() async throws {
    try await withPair { pair in
      let call: ClientStream<Blob, Blob> = try await pair.client.bidirectional(Method.chat)
      async let sent: Void = {
        for _ in 0..<300 { try await call.send(Blob(count: 40_000)) }
        try await call.finish()
      }()
      var received = 0
      for try await reply in call.replies { received += reply.bytes.count }
      try await sent
      #expect(received == 300 * 40_000)
    }
  }

  @Test("a stream that nobody reads holds up neither other calls nor other streams")
  func stalledReader() async throws {
    try await withPair { pair in
      let stalled: ReplyStream<Blob> = try await pair.client.serverStreaming(
        Method.repeated, Blob("1000 50000"))
      for index in 0..<50 {
        let reply: Blob = try await pair.client.unary(Method.echo, Blob(count: 100_000))
        #expect(reply.bytes.count == 100_000, "call \(index)")
      }
      let flowing: ReplyStream<Blob> = try await pair.client.serverStreaming(
        Method.repeated, Blob("200 50000"))
      var received = 0
      for try await _ in flowing { received += 1 }
      #expect(received == 200)
      // The stalled writer waits for credit: about a mebibyte, nowhere near all fifty.
      #expect(pair.seen.runningCount == 1)
      var rest = 0
      for try await _ in stalled { rest += 1 }
      #expect(rest == 1_000)
    }
  }

  @Test("slow readers of many streams together do not lose the connection's credit")
  func manyStreams() async throws {
    try await withPair { pair in
      let total = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<20 {
          group.addTask {
            let replies: ReplyStream<Blob> = try await pair.client.serverStreaming(
              Method.repeated, Blob("30 30000"))
            var count = 0
            for try await _ in replies {
              await Task.yield()
              count += 1
            }
            return count
          }
        }
        return try await group.reduce(0, +)
      }
      #expect(total == 600)
    }
  }
}
