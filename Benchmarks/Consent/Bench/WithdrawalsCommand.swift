internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import RPC

/// Withdrawals, each answered when no gate serves the person any more.
struct WithdrawalsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "withdrawals", abstract: "Withdraws for one of a range of people after another.")

  @OptionGroup var target: Target

  @Option(help: "The number of the first person.")
  var from = 0

  @Option(help: "Withdrawals under way.")
  var inFlight = 1

  func run() async throws {
    let client = try target.client()
    let consent = ConsentClient(client)
    let next = SharedNumber(from)
    let end = from + target.people
    let clock = ContinuousClock()
    let start = clock.now
    var all = Outcome()
    try await withThrowingTaskGroup(of: Outcome.self) { group in
      for _ in 0..<inFlight {
        group.addTask(executorPreference: client.executor) {
          var outcome = Outcome()
          while let number = next.take(before: end) {
            let begin = clock.now
            let reply = try await consent.withdraw(
              WithdrawRequest(pid: People.pid(number).bytes, source: People.source))
            outcome.times.add(clock.now - begin)
            outcome.confirmed += reply.gates.count { $0.confirmed }
            outcome.lapsed += reply.gates.count { !$0.confirmed }
          }
          return outcome
        }
      }
      for try await part in group { all.add(part) }
    }
    let seconds = (clock.now - start) / .seconds(1)
    await client.close()
    var figures = all.times.figures("withdraw", unit: "ms", per: 1_000)
    figures["withdrawals_per_s"] = Double(all.times.count) / seconds
    figures["gates_confirmed"] = Double(all.confirmed)
    figures["gates_lapsed"] = Double(all.lapsed)
    try report(figures)
  }

  private struct Outcome: Sendable {
    var times = Durations()
    var confirmed = 0
    var lapsed = 0

    mutating func add(_ other: Outcome) {
      times.add(other.times)
      confirmed += other.confirmed
      lapsed += other.lapsed
    }
  }
}
