internal import ArgumentParser
internal import CommonAPI
internal import Foundation
internal import HealthAPI
internal import Pipeline
internal import RPC
internal import ServiceKit

/// Where a stack is.
struct StackOptions: ParsableArguments {
  @Option(help: "The directory of the stack's stores, keys, certificates and logs.")
  var directory = "var/stack"

  var stack: Stack { Stack(root: URL(filePath: directory).standardizedFileURL) }
}

struct Up: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Start the stack of docker-compose.yml as plain processes.",
    discussion: """
      Each service runs with the command and the environment that the compose file gives it; \
      volumes become directories below --directory, and the services listen on 127.0.0.1. Keys \
      and certificates are made where they are missing. Returns when every service takes calls.

      Example: tacit up && tacit status
      """)

  @OptionGroup var options: StackOptions
  @Option(help: "The compose file.") var file = "docker-compose.yml"
  @Flag(help: "Choose free ports instead of those of the compose file.") var freePorts = false

  func run() async throws {
    let stack = options.stack
    try await stack.start(composeFile: URL(filePath: file), freePorts: freePorts)
    try await showStatus(of: stack, json: false)
  }
}

struct Down: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Stop the stack; its stores stay.",
    discussion: """
      Every service finishes the calls it has. One that doesn't within 15 s is killed.

      Example: tacit down
      """)

  @OptionGroup var options: StackOptions

  func run() async throws {
    guard try options.stack.record() != nil else { return print("nothing runs") }
    let killed = try await options.stack.stop()
    print(killed.isEmpty ? "stopped" : "stopped; had to kill \(killed.joined(separator: ", "))")
  }
}

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show how the stack is: processes, health, what each service holds.",
    discussion: "Exit 1 where a service is not ready.\n\nExample: tacit status --json")

  @OptionGroup var options: StackOptions
  @Flag(help: "Print JSON, for scripts.") var json = false

  func run() async throws {
    guard try await showStatus(of: options.stack, json: json) else { throw ExitCode(1) }
  }
}

struct Logs: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the last lines of the services' logs.",
    discussion: "Example: tacit logs features --lines 50")

  @OptionGroup var options: StackOptions
  @Argument(help: "Only this service.") var service: String?
  @Option(help: "How many lines of each.") var lines = 20

  func run() throws {
    let wanted = try service.map { name in
      guard let service = WellKnownService(rawValue: name) else {
        throw ValidationError("there is no service \(name)")
      }
      return [service]
    }
    for service in wanted ?? WellKnownService.allCases {
      for line in options.stack.lastLogLines(of: service, count: lines) { print(line) }
    }
  }
}

/// One line of `tacit status`.
private struct ServiceLine: Encodable {
  var service: String
  var pid: Int32
  var endpoint: String
  var health: String
  var lastSequence: UInt64?
  var holds: [String: Double]
}

/// Prints how the services are; answers whether all of them are ready.
@discardableResult
private func showStatus(of stack: Stack, json: Bool) async throws -> Bool {
  guard let record = try stack.record() else {
    throw CommandFailure("nothing runs in \(stack.root.path); start it with `tacit up`")
  }
  var lines: [ServiceLine] = []
  for entry in record.entries {
    guard let service = WellKnownService(rawValue: entry.service) else { continue }
    var line = ServiceLine(
      service: entry.service, pid: entry.process.pid, endpoint: "127.0.0.1:\(entry.port)",
      health: entry.process.isRunning ? "no answer" : "ended", holds: [:])
    if entry.process.isRunning {
      let client = try stack.client(of: service, as: "admin-dev")
      let options = CallOptions(timeoutMs: 2_000)
      if let check = try? await HealthClient(client).check(CheckRequest(), options: options) {
        line.health = check.state == .ready ? "ready" : "\(check.state): \(check.advice)"
      }
      if let status = try? await HealthClient(client).status(StatusRequest(), options: options) {
        line.lastSequence = status.lastSequence
        for measure in status.measures { line.holds[measure.name] = measure.value }
      }
      await client.close()
    }
    lines.append(line)
  }
  if json {
    try printJSON(lines)
  } else {
    var table = Table("service", "pid", "endpoint", "health", "change", "holds")
    for line in lines {
      let holds = line.holds.sorted { $0.key < $1.key }
        .map { "\($0.key) \(Table.figure($0.value))" }
      table.add(
        line.service, String(line.pid), line.endpoint, line.health,
        line.lastSequence.map(String.init) ?? "", holds.joined(separator: ", "))
    }
    table.show()
  }
  return lines.allSatisfy { $0.health == "ready" }
}
