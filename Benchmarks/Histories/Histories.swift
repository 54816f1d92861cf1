internal import ArgumentParser
internal import ConsentSimulation
internal import Foundation
internal import Synchronization

/// Runs many randomised histories of the consent service and its gates, and says what came of them.
@main
struct Histories: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "consent-histories",
    abstract: "Looks for a history in which a withdrawal does not hold.",
    discussion: """
      Each history is a simulated world of its own: the consent service, three gates and a client \
      on a network in memory, with crashes, stops, partitions and failing disks that its seed \
      decides about. One that fails is printed with its seed; replay it with --from SEED --count 1.

      Example: consent-histories --count 1000000
      """)

  @Option(help: "How many histories.")
  var count: UInt64 = 10_000

  @Option(help: "The seed of the first one; the others follow.")
  var from: UInt64 = 1

  @Option(help: "How many run at the same time.")
  var threads = 2

  @Flag(help: "Prints what happens in each.")
  var trace = false

  @Option(help: "Writes the result to this file, too, as JSON.")
  var json: String?

  func run() async throws {
    try repeatWithFixedHashing()
    let trace = trace
    let tally = Tally(from: from)
    let end = from + count
    let start = Date()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<max(1, threads) {
        group.addTask {
          while let seed = tally.nextSeed(before: end) {
            let history = try ConsentHistory(seed: seed)
            if trace { history.trace { print($0) } }
            let outcome = history.run()
            let done = tally.add(outcome)
            if !outcome.violations.isEmpty {
              print("seed \(seed):")
              for violation in outcome.violations { print("  \(violation)") }
            }
            if done % 10_000 == 0 { print("\(done) histories") }
          }
        }
      }
      try await group.waitForAll()
    }
    var result = tally.total
    result.firstSeed = from
    result.seconds = Date().timeIntervalSince(start)
    print(result.text)
    if let json { try result.json.write(to: URL(filePath: json)) }
    if result.violations > 0 { throw ExitCode(1) }
  }

  /// The order of sets and dictionaries is part of a history: it must not change from run to run.
  private func repeatWithFixedHashing() throws {
    let name = "SWIFT_DETERMINISTIC_HASHING"
    guard ProcessInfo.processInfo.environment[name] == nil else { return }
    setenv(name, "1", 1)
    // Every history opens and leaves stores, tables and connections: their memory is kept for the
    // next one instead of being returned and zeroed again each time.
    setenv("MALLOC_MMAP_THRESHOLD_", "67108864", 1)
    setenv("MALLOC_TRIM_THRESHOLD_", "268435456", 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) }
    arguments.append(nil)
    execv("/proc/self/exe", arguments)
    throw ValidationError("the program could not start itself again")
  }
}

/// What several threads count together.
final class Tally: Sendable {
  private let state: Mutex<(next: UInt64, total: Total)>

  init(from seed: UInt64) { state = Mutex((seed, Total())) }

  var total: Total { state.withLock { $0.total } }

  func nextSeed(before end: UInt64) -> UInt64? {
    state.withLock { state in
      guard state.next < end else { return nil }
      state.next += 1
      return state.next - 1
    }
  }

  /// Answers how many there are now.
  func add(_ outcome: HistoryOutcome) -> Int {
    state.withLock { state in
      state.total.add(outcome)
      return state.total.histories
    }
  }
}

/// What many histories amount to.
struct Total: Codable, Sendable {
  var histories = 0
  var violations = 0
  var firstSeed: UInt64 = 0
  var withdrawals = 0
  var reads = 0
  var tokenReads = 0
  var renamings = 0
  var steps = 0
  var simulatedSeconds = 0.0
  var seconds = 0.0
  var faults: [String: Int] = [:]

  mutating func add(_ outcome: HistoryOutcome) {
    histories += 1
    violations += outcome.violations.isEmpty ? 0 : 1
    withdrawals += outcome.withdrawalCount
    reads += outcome.readCount
    tokenReads += outcome.tokenReadCount
    renamings += outcome.renamingCount
    steps += outcome.stepCount
    simulatedSeconds += Double(outcome.microseconds) / 1e6
    for (fault, count) in outcome.faults { faults[fault, default: 0] += count }
  }

  var text: String {
    let struck = faults.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    return """
      \(histories) histories from seed \(firstSeed): \(violations) with a violation
      \(withdrawals) withdrawals, refusals, objections, restrictions and erasures acknowledged, \
      \(reads) reads of what they took away, \(tokenReads) reads with a token, \(renamings) people \
      with another pid, \(steps) steps, \(Int(simulatedSeconds)) simulated seconds in \(Int(seconds)) s
      faults: \(struck.joined(separator: ", "))
      """
  }

  var json: Data {
    get throws {
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      return try encoder.encode(self)
    }
  }
}
