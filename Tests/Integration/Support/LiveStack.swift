internal import Foundation
internal import Pipeline
internal import RPC
internal import ServiceKit
internal import TestSupport
internal import Testing

/// The five services as processes of their own, on free ports of this machine, with mutual TLS:
/// the stack of docker-compose.yml below a temporary directory.
struct LiveStack {
  /// Everything of the stack is below it, and whatever a test writes.
  let directory: URL
  let stack: Stack
  let plan: StackPlan

  /// Where clients find the services and the certificates.
  var environment: [String: String] {
    var environment = ["TACIT_IDENTITY": stack.identityDirectory.path]
    for process in plan.processes {
      environment[process.service.endpointVariable] = "127.0.0.1:\(process.port)"
    }
    return environment
  }

  /// Runs a program against the stack.
  func run(
    _ name: String, _ arguments: String..., as identity: String = "admin-dev", input: String? = nil
  ) async throws -> Program.Outcome {
    try await run(name, arguments, as: identity, input: input)
  }

  /// Runs a program against the stack.
  func run(
    _ name: String, _ arguments: [String], as identity: String = "admin-dev", input: String? = nil
  ) async throws -> Program.Outcome {
    try await start(name, arguments, as: identity, input: input).outcome()
  }

  /// Runs a program that must succeed.
  @discardableResult
  func done(
    _ name: String, _ arguments: String..., as identity: String = "admin-dev", input: String? = nil,
    at location: SourceLocation = #_sourceLocation
  ) async throws -> Program.Outcome {
    try await done(name, arguments, as: identity, input: input, at: location)
  }

  /// The same with the arguments in a list.
  @discardableResult
  func done(
    _ name: String, _ arguments: [String], as identity: String = "admin-dev", input: String? = nil,
    at location: SourceLocation = #_sourceLocation
  ) async throws -> Program.Outcome {
    let outcome = try await run(name, arguments, as: identity, input: input)
    try #require(
      outcome.status == 0, "\(name) \(arguments.joined(separator: " ")): \(outcome)",
      sourceLocation: location)
    return outcome
  }

  /// Starts a program against the stack.
  func start(
    _ name: String, _ arguments: [String], as identity: String = "admin-dev", input: String? = nil
  ) throws -> Program.Running {
    try Program.start(
      name, arguments, environment: environment.merging(["TACIT_AS": identity]) { $1 },
      input: input, scratch: directory)
  }

  /// The plan of one service.
  func process(of service: WellKnownService) throws -> StackPlan.Process {
    try #require(plan.processes.first { $0.service == service })
  }

  /// The process that runs a service now.
  func child(of service: WellKnownService) throws -> ChildProcess {
    try #require(try stack.record()?.entries.first { $0.service == service.rawValue }).process
  }

  /// Sends a signal to a service.
  func signal(_ service: WellKnownService, _ signal: Int32) throws {
    let child = try child(of: service)
    try #require(child.isRunning, "\(service.rawValue) runs")
    try #require(kill(child.pid, signal) == 0)
  }

  /// Ends a service at once and waits until it is gone.
  func kill9(_ service: WellKnownService) async throws {
    try signal(service, SIGKILL)
    let child = try child(of: service)
    try await eventually("\(service.rawValue) is gone") { !child.isRunning }
  }

  /// Starts a service again that was ended.
  func restart(_ service: WellKnownService) async throws {
    try await stack.restart(process(of: service))
  }

  /// What a service says it holds.
  func measures(of service: WellKnownService) async throws -> [String: Double] {
    try await done(service.programName, "status", "--json").json([String: Double].self)
  }

  /// The log of a service.
  func log(of service: WellKnownService) throws -> String {
    try String(contentsOf: stack.logURL(of: service), encoding: .utf8)
  }

  /// A file of the test.
  func file(_ name: String, _ text: String) throws -> String {
    let url = directory.appending(path: name)
    try Data(text.utf8).write(to: url)
    return url.path
  }
}

/// Runs `body` with a stack of its own; afterwards every process of it has ended, whatever came.
func withStack(_ body: (LiveStack) async throws -> Void) async throws {
  try await withTemporaryDirectory { directory in
    let stack = Stack(root: directory.appending(path: "stack"))
    let file = try ComposeFile(
      contentsOf: Program.repository.appending(path: "docker-compose.yml"))
    let services = file.services.map(\.service)
    let ports = Dictionary(
      uniqueKeysWithValues: zip(services, try FreePorts.choose(services.count)))
    let plan = try StackPlan(
      file, root: stack.root, programs: try Program.directory(), ports: ports)
    try await stack.start(plan)
    do {
      try await body(LiveStack(directory: directory, stack: stack, plan: plan))
    } catch {
      for service in services {
        for line in stack.lastLogLines(of: service, count: 3) { print(line) }
      }
      try await stack.stop(graceMs: 3_000)
      throw error
    }
    try await stack.stop(graceMs: 3_000)
  }
}

/// All tests with processes of their own, one after the other.
@Suite("Integration", .serialized)
enum Integration {}
