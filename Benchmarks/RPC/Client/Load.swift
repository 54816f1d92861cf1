internal import BenchAPI
internal import Glibc
internal import RPC
internal import Synchronization

/// What one task does, and when it begins to count and to stop.
final class Load: Sendable {
  enum Phase: Int { case warming, measuring, over }

  private let phase = Atomic<Int>(Phase.warming.rawValue)
  private let payloadByteCount: Int
  private let isInTask: Bool
  private let sampleInterval: Int

  init(payloadByteCount: Int, isInTask: Bool, sampleInterval: Int) {
    self.payloadByteCount = payloadByteCount
    self.isInTask = isInTask
    self.sampleInterval = sampleInterval
  }

  func enter(_ next: Phase) { phase.store(next.rawValue, ordering: .relaxed) }

  private nonisolated(nonsending) func call(_ client: EchoClient, _ request: EchoRequest)
    async throws -> EchoReply
  {
    if isInTask { return try await client.echoInTask(request) }
    return try await client.echo(request)
  }

  /// Calls until the time is over.
  nonisolated(nonsending) func run(_ client: EchoClient) async throws -> Report {
    var report = Report()
    let request = EchoRequest(payload: [UInt8](repeating: 0x61, count: payloadByteCount))
    while true {
      let phase = phase.load(ordering: .relaxed)
      if phase == Phase.over.rawValue { return report }
      let isSampled = report.callCount % sampleInterval == 0
      let start = isSampled ? monotonicNanoseconds() : 0
      let reply = try await call(client, request)
      guard reply.payload.count == payloadByteCount else { throw RPCError(.dataLoss, "") }
      report.callCount += 1
      guard phase == Phase.measuring.rawValue else { continue }
      report.measuredCount += 1
      if isSampled { report.record(nanoseconds: monotonicNanoseconds() - start) }
    }
  }
}

private func monotonicNanoseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
