import Synchronization

/// Stands before a service and spoils what it is told to.
final class FaultProxy: Sendable {
  private let faults = Mutex<[LoopbackHTTPServer.Answer]>([])
  private let always = Mutex<LoopbackHTTPServer.Answer?>(nil)
  private let server = Mutex<LoopbackHTTPServer?>(nil)

  /// The next requests get these answers; those behind them go through.
  func spoil(_ answers: [LoopbackHTTPServer.Answer]) { faults.withLock { $0 += answers } }

  /// Every request gets this answer; `nil` lets them through.
  func spoilAll(_ answer: LoopbackHTTPServer.Answer?) { always.withLock { $0 = answer } }

  var requestCount: Int { received.count }

  var received: [LoopbackHTTPServer.Received] {
    server.withLock { $0?.received ?? [] }
  }

  /// Opens a port and says which.
  func start(
    before next:
      @escaping @Sendable (LoopbackHTTPServer.Received) async ->
      LoopbackHTTPServer
      .Answer
  ) async throws -> Int {
    let made = LoopbackHTTPServer { received in
      if let answer = self.always.withLock({ $0 }) { return answer }
      if let fault = self.faults.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return fault }
      return await next(received)
    }
    server.withLock { $0 = made }
    return try await made.start()
  }

  func stop() async { await server.withLock { $0 }?.stop() }
}

extension LoopbackHTTPServer.Answer {
  /// A failure as AWS writes it.
  static func aws(_ code: String, status: Int = 400) -> Self {
    .json(status, #"{"__type":"\#(code)","message":"an account's own words"}"#)
  }
}
