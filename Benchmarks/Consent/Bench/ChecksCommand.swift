internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import RPC

/// Checks, one by one or many in one call.
struct ChecksCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "checks", abstract: "Asks whether people consent, as fast as it is answered.")

  @OptionGroup var target: Target

  @Option(help: "Calls under way.")
  var inFlight = 1

  @Option(help: "Checks in one call; 0 uses the call for one.")
  var batch = 0

  @Option(help: "Milliseconds of measurement.")
  var measureMs = 1_000

  func run() async throws {
    let client = try target.client()
    let consent = ConsentClient(client)
    let pids = (0..<target.people).map { People.pid($0).bytes }
    let clock = ContinuousClock()
    // The connection and the caches are warm before the clock runs.
    let warming = try await measure(consent, client, pids, until: clock.now + .milliseconds(200))
    let start = clock.now
    let times = try await measure(consent, client, pids, until: start + .milliseconds(measureMs))
    let seconds = (clock.now - start) / .seconds(1)
    await client.close()
    var figures = times.figures("call", unit: "us")
    figures["checks_total"] = Double((warming.count + times.count) * max(1, batch))
    figures["checks_per_s"] = Double(times.count * max(1, batch)) / seconds
    try report(figures)
  }

  private func measure(
    _ consent: ConsentClient, _ client: RPCClient, _ pids: [[UInt8]],
    until end: ContinuousClock.Instant
  ) async throws -> Durations {
    let (batch, inFlight) = (batch, inFlight)
    return try await withThrowingTaskGroup(of: Durations.self) { group in
      for number in 0..<inFlight {
        group.addTask(executorPreference: client.executor) {
          var caller = Caller(
            consent: consent, pids: pids, batch: batch, random: SplitMix64(seed: UInt64(number)))
          return try await caller.run(until: end)
        }
      }
      return try await group.reduce(into: Durations()) { $0.add($1) }
    }
  }
}

/// Asks about one person or many after another.
private struct Caller {
  let consent: ConsentClient
  let pids: [[UInt8]]
  let batch: Int
  var random: SplitMix64

  mutating func run(until end: ContinuousClock.Instant) async throws -> Durations {
    var times = Durations()
    while true {
      let begin = ContinuousClock.now
      guard begin < end else { return times }
      guard try await ask() else { throw ExitCode.failure }
      times.add(ContinuousClock.now - begin)
    }
  }

  /// Whether everybody consents, as everybody does here.
  private mutating func ask() async throws -> Bool {
    if batch == 0 { return try await consent.check(request()).granted }
    var checks: [CheckRequest] = []
    checks.reserveCapacity(batch)
    for _ in 0..<batch { checks.append(request()) }
    let reply = try await consent.checkBatch(CheckBatchRequest(checks: checks))
    return reply.replies.count == batch && reply.replies.allSatisfy(\.granted)
  }

  private mutating func request() -> CheckRequest {
    CheckRequest(pid: pids[Int(random.next() % UInt64(pids.count))], scope: People.scope)
  }
}
