internal import ArgumentParser
internal import ConsentAPI
internal import Gate
internal import Glibc
internal import Logging
internal import PrivacyCore
internal import RPC
internal import Synchronization

/// A live gate under read load, as a service that serves personal data holds one.
struct GateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gate",
    abstract: "Attends to the service and asks its table until standard input ends.")

  @OptionGroup var target: Target

  @Option(help: "The gate's name.")
  var name: String

  @Option(help: "How many reads it admits or withholds in a second.")
  var readsPerS = 50_000

  /// The reads of one turn: a batch of features is asked for many people at once.
  private static let batchCount = 100

  func run() async throws {
    guard let scope = Scope(People.scope) else { throw ExitCode.failure }
    let client = try target.client()
    let gate = Gate(
      name: name, consent: ConsentClient(client), log: Logger(label: "bench"))
    let attending = Task { try await gate.run() }
    while !gate.isLive { try await Task.sleep(for: .milliseconds(1)) }
    print("live")
    fflush(nil)
    let reading = Task { try await read(gate, scope) }
    while readLine() != nil {}
    reading.cancel()
    let counts = try await reading.value
    attending.cancel()
    await client.close()
    try report([
      "admitted": Double(counts.admitted), "withheld": Double(counts.withheld),
      "without_lease": Double(counts.withoutLease),
    ])
  }

  private struct Counts {
    var admitted = 0
    var withheld = 0
    var withoutLease = 0
  }

  private func read(_ gate: Gate, _ scope: Scope) async throws -> Counts {
    let pids = (0..<target.people).map(People.pid)
    var random = SplitMix64(seed: name.utf8.reduce(0) { $0 &* 31 &+ UInt64($1) })
    var counts = Counts()
    let clock = ContinuousClock()
    var due = clock.now
    let pause = Duration.seconds(1) * Double(Self.batchCount) / Double(max(1, readsPerS))
    while !Task.isCancelled {
      for _ in 0..<Self.batchCount {
        let pid = pids[Int(random.next() % UInt64(pids.count))]
        switch gate.admit(pid, scope: scope) {
        case .admitted: counts.admitted += 1
        case .withheld(.noLease): counts.withoutLease += 1
        case .withheld: counts.withheld += 1
        }
      }
      due += pause
      // What was missed, in a stop for example, is not made good.
      if due < clock.now - .milliseconds(100) { due = clock.now }
      try? await clock.sleep(until: due)
    }
    return counts
  }
}
