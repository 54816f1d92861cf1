import PrivacyCore
import RPC
import Testing
import Transport
import WireFormat

@Suite("How calls end")
struct EndingTests {
  @Test("errors reach the caller as they are mapped, with their details")
  func mapped() async throws {
    try await withPair { pair in
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.fail, Blob("mapped"))
      }
      #expect(error == ShopError.closed.rpcError)
      #expect(error?.detail("opens-at") == "9:00")
      let other = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.fail, Blob("rpc"))
      }
      #expect(other == RPCError(.notFound, "nothing here"))
    }
  }

  @Test("an error that nobody mapped becomes INTERNAL without its text")
  func unmapped() async throws {
    try await withPair { pair in
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.fail, Blob("other"))
      }
      #expect(error == RPCError(.internalError, ""))
    }
  }

  @Test(
    "what is INTERNAL stands in the log in full, whether or not it was mapped to it",
    arguments: [("mapped fault", "burntDown"), ("other", "UnmappedError")])
  func faultsAreLogged(request: String, logged: String) async throws {
    let log = ReadLog()
    try await withPair(log: log.logger) { pair in
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.fail, Blob(request))
      }
      #expect(error == RPCError(.internalError, ""))
    }
    #expect(log.lines.contains { $0.hasPrefix("error") && $0.contains(logged) })
  }

  @Test("an unknown method is UNIMPLEMENTED")
  func unknownMethod() async throws {
    try await withPair { pair in
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.missing, Blob("x"))
      }
      #expect(error?.code == .unimplemented)
    }
  }

  @Test("who may not call is refused before the request is decoded")
  func forbidden() async throws {
    try await withPair { pair in
      var request = Blob()
      request.bytes = [0xFF]
      let undecodable = request
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.forbidden, undecodable)
      }
      #expect(error?.code == .permissionDenied)
      #expect(error?.message.contains("test.forbidden") == true)
      #expect(pair.seen.callCount == 0)
    }
  }

  @Test("a request that cannot be decoded is INVALID_ARGUMENT and names the field")
  func undecodable() async throws {
    try await withPair { pair in
      var request = Blob()
      request.bytes = [0xFF]
      let undecodable = request
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.append, undecodable)
      }
      #expect(error?.code == .invalidArgument)
      #expect(error?.detail("field") == "Blob.text")
    }
  }

  @Test("metadata, trace, deadline, peer and method reach the handler")
  func context() async throws {
    try await withPair { pair in
      let trace = TraceContext(
        traceID: [UInt8](repeating: 0xAB, count: 16), spanID: [UInt8](repeating: 1, count: 8),
        isSampled: true)
      let reply: Blob = try await pair.client.unary(
        Method.context, Blob(),
        options: CallOptions(timeoutMs: 60_000, metadata: ["tenant": "acme"], trace: trace))
      #expect(
        reply.text == "tacit:local|acme|\(String(repeating: "ab", count: 16))|true|"
          + "tacit.test.v1.Test/Context")
      let bare: Blob = try await pair.client.unary(
        Method.context, Blob(), options: CallOptions(timeoutMs: 0))
      #expect(bare.text == "tacit:local|-|-|no deadline|tacit.test.v1.Test/Context")
    }
  }

  @Test(
    "metadata past its limits is refused by the caller's side",
    arguments: [
      (64, 10, true), (65, 10, false), (1, 8_192, true), (1, 8_193, false), (2, 8_192, false),
    ])
  func metadataLimits(count: Int, byteCount: Int, isAccepted: Bool) async throws {
    try await withPair { pair in
      var metadata = Metadata()
      for index in 0..<count { metadata.add("n\(index)", String(repeating: "x", count: byteCount)) }
      let options = CallOptions(metadata: metadata)
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.echo, Blob("x"), options: options)
      }
      #expect(error?.code == (isAccepted ? nil : .invalidArgument))
    }
  }

  @Test("metadata past its limits is refused by a server too")
  func metadataAtServer() async throws {
    try await withPair { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      let entry = Entry(key: "n", value: [UInt8](repeating: 1, count: 8_192))
      var bytes: [UInt8] = []
      FrameCodec.append(
        Frame(
          kind: UInt32(FrameKind.call.rawValue), stream: 1, method: Method.echo.id, flags: 1,
          metadata: [entry, entry]),
        payload: [1], to: &bytes)
      try await peer.send(bytes)
      #expect(try await peer.next()?.frame.status == StatusCode.invalidArgument.rawValue)
      await peer.close()
    }
  }

  @Test("a metadata name with other characters is refused")
  func metadataName() async throws {
    try await withPair { pair in
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(
          Method.echo, Blob(), options: CallOptions(metadata: ["Upper": "x"]))
      }
      #expect(error?.code == .invalidArgument)
    }
  }

  @Test("at its deadline a call fails and its handler is cancelled")
  func deadline() async throws {
    try await withPair { pair in
      // The connection is there, so that the short time is not spent on it; and it is long enough
      // for the handler to begin on a machine with other work: one that has not is never begun.
      let _: Blob = try await pair.client.unary(Method.echo, Blob())
      let error = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.sleep, Blob(), options: CallOptions(timeoutMs: 1_000))
      }
      #expect(error?.code == .deadlineExceeded)
      let isCancelled = await eventually { pair.seen.cancelledCount == 1 }
      #expect(isCancelled)
    }
  }

  @Test("a server keeps the deadline of a client that forgets its own")
  func serverDeadline() async throws {
    try await withPair { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      var bytes: [UInt8] = []
      FrameCodec.append(
        Frame(
          kind: UInt32(FrameKind.call.rawValue), stream: 1, method: Method.sleep.id, flags: 1,
          timeoutUs: 1_000_000),
        payload: [1], to: &bytes)
      try await peer.send(bytes)
      let reply = try await peer.next()
      #expect(reply?.frame.status == StatusCode.deadlineExceeded.rawValue)
      let isCancelled = await eventually { pair.seen.cancelledCount == 1 }
      #expect(isCancelled)
      #expect(pair.seen.finished.map(\.code) == [.deadlineExceeded])
      await peer.close()
    }
  }

  @Test("cancelling the caller's task cancels the handler")
  func cancelUnary() async throws {
    try await withPair { pair in
      let task = Task { () async -> RPCError? in
        await rpcError { () async throws(RPCError) -> Blob in
          try await pair.client.unary(Method.sleep, Blob())
        }
      }
      let isRunning = await eventually { pair.seen.runningCount == 1 }
      #expect(isRunning)
      task.cancel()
      #expect(await task.value?.code == .cancelled)
      let isCancelled = await eventually { pair.seen.cancelledCount == 1 }
      #expect(isCancelled)
    }
  }

  @Test("a cancelled stream stops its handler")
  func cancelStream() async throws {
    try await withPair { pair in
      let call: ClientStream<Blob, Blob> = try await pair.client.bidirectional(Method.hold)
      let isRunning = await eventually { pair.seen.runningCount == 1 }
      #expect(isRunning)
      call.cancel()
      let isCancelled = await eventually { pair.seen.cancelledCount == 1 }
      #expect(isCancelled)
      var replies = call.replies.makeAsyncIterator()
      var caught: RPCError?
      do throws(RPCError) { _ = try await replies.next() } catch { caught = error }
      #expect(caught?.code == .cancelled)
    }
  }

  @Test("a stream that its caller drops is cancelled")
  func droppedStream() async throws {
    try await withPair { pair in
      do {
        let call: ClientStream<Blob, Blob> = try await pair.client.bidirectional(Method.hold)
        let isRunning = await eventually { pair.seen.runningCount == 1 }
        #expect(isRunning)
        _ = call
      }
      let isCancelled = await eventually { pair.seen.cancelledCount == 1 }
      #expect(isCancelled)
    }
  }

  @Test("a writer that waits for credit is released when its call is cancelled")
  func cancelWaitingWriter() async throws {
    try await withPair { pair in
      let call: ClientStream<Blob, Blob> = try await pair.client.bidirectional(Method.hold)
      let task = Task { () async -> RPCError? in
        await rpcError { () async throws(RPCError) in
          while true { try await call.send(Blob(count: 100_000)) }
        }
      }
      let isRunning = await eventually { pair.seen.runningCount == 1 }
      #expect(isRunning)
      task.cancel()
      #expect(await task.value?.code == .cancelled)
      let isCancelled = await eventually { pair.seen.cancelledCount == 1 }
      #expect(isCancelled)
      _ = call
    }
  }

  @Test("every finished call is reported once, with its status")
  func hook() async throws {
    try await withPair { pair in
      let _: Blob = try await pair.client.unary(Method.echo, Blob("x"))
      _ = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.fail, Blob("rpc"))
      }
      _ = await rpcError { () async throws(RPCError) -> Blob in
        try await pair.client.unary(Method.forbidden, Blob("x"))
      }
      let isComplete = await eventually { pair.seen.finished.count == 3 }
      #expect(isComplete)
      #expect(pair.seen.finished.map(\.code) == [.ok, .notFound, .permissionDenied])
      #expect(pair.seen.finished.map(\.peer) == [.local, .local, .local])
    }
  }

  @Test("a call whose connection is lost is reported as cancelled")
  func lostCall() async throws {
    try await withPair { pair in
      let peer = try await RawPeer.greeted(pair.endpoint)
      try await peer.send(.call, stream: 1, method: Method.sleep.id, flags: 1)
      let isRunning = await eventually { pair.seen.runningCount == 1 }
      #expect(isRunning)
      await peer.close()
      let isCancelled = await eventually { pair.seen.cancelledCount == 1 }
      #expect(isCancelled)
      #expect(pair.seen.finished.map(\.code) == [.cancelled])
    }
  }

  @Test("what is left of a call's time is handed on")
  func remainingTime() {
    let time = FrozenTime()
    let context = CallContext(
      peer: .local, method: Method.echo, deadline: Deadline(monotonicMicroseconds: 1_500_000),
      time: time)
    #expect(CallOptions(for: context).timeoutMs == 500)
    let late = CallContext(
      peer: .local, method: Method.echo, deadline: Deadline(monotonicMicroseconds: 1), time: time)
    #expect(CallOptions(for: late).timeoutMs == 1)
    let free = CallContext(peer: .local, method: Method.echo, time: time)
    #expect(CallOptions(for: free).timeoutMs == 0)
  }
}

/// A clock that stands at one second.
private struct FrozenTime: TimeSource {
  var now: Timestamp { Timestamp(seconds: 1) }
  var monotonicMicroseconds: Int64 { 1_000_000 }
}
