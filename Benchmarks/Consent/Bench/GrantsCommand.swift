internal import ArgumentParser
internal import ConsentAPI
internal import PrivacyCore
internal import RPC

/// Receipts, each acknowledged when it is durable.
struct GrantsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grants", abstract: "Records grants: one for each of a range of people.")

  @OptionGroup var target: Target

  @Option(help: "Callers, each waiting for its answer.")
  var writers = 64

  @Option(help: "The number of the first person.")
  var from = 0

  func run() async throws {
    let client = try target.client()
    let consent = ConsentClient(client)
    let expiresAtUs = SystemTime().now.microseconds + 365 * 86_400_000_000
    let next = SharedNumber(from)
    let end = from + target.people
    let clock = ContinuousClock()
    let start = clock.now
    var times = Durations()
    try await withThrowingTaskGroup(of: Durations.self) { group in
      for _ in 0..<writers {
        group.addTask(executorPreference: client.executor) {
          var times = Durations()
          while let number = next.take(before: end) {
            let begin = clock.now
            _ = try await consent.grant(
              GrantRequest(
                pid: People.pid(number).bytes, scopes: [People.scope], expiresAtUs: expiresAtUs,
                source: People.source, version: 1))
            times.add(clock.now - begin)
          }
          return times
        }
      }
      for try await part in group { times.add(part) }
    }
    let seconds = (clock.now - start) / .seconds(1)
    await client.close()
    var figures = times.figures("grant", unit: "ms", per: 1_000)
    figures["receipts_per_s"] = Double(times.count) / seconds
    try report(figures)
  }
}
