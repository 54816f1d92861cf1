package import Foundation
internal import HealthAPI
internal import Logging
internal import PrivacyCore
package import RPC
package import ServiceKit
internal import Transport

/// The local stack as plain processes: started from the compose file, stopped by pid, watched
/// through each service's health method.
package struct Stack: Sendable {
  /// What `up` wrote down for `down`, `status` and `logs`.
  package struct Record: Codable, Sendable {
    package struct Entry: Codable, Sendable {
      package let service: String
      package let process: ChildProcess
      package let port: Int
    }
    package var entries: [Entry]
  }

  /// Where the stack keeps everything: trust, stores, logs.
  package let root: URL

  /// The stack below `root`.
  package init(root: URL) { self.root = root }

  /// Where the certificates are.
  package var identityDirectory: URL { root.appending(path: "trust/identity") }

  private var recordURL: URL { root.appending(path: "stack.json") }

  /// The record of the running stack, or `nil` where none was started.
  package func record() throws -> Record? {
    guard let data = try? Data(contentsOf: recordURL) else { return nil }
    return try JSONDecoder().decode(Record.self, from: data)
  }

  /// Starts the services of a compose file with the programs that stand beside this one.
  package func start(composeFile: URL, freePorts: Bool) async throws {
    let file = try ComposeFile(contentsOf: composeFile)
    let services = file.services.map(\.service)
    let ports =
      freePorts
      ? Dictionary(uniqueKeysWithValues: zip(services, try FreePorts.choose(services.count))) : [:]
    let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent()
    try await start(try StackPlan(file, root: root, programs: programs, ports: ports))
  }

  /// Starts the processes of `plan` and returns when all of them take calls.
  package func start(_ plan: StackPlan, timeoutMs: Int = 60_000) async throws {
    if let running = try record()?.entries.first(where: { $0.process.isRunning }) {
      throw CommandFailure(
        "the stack in \(root.path) runs already (\(running.service), pid \(running.process.pid)); "
          + "stop it with `tacit down`")
    }
    try TrustDirectory(root.appending(path: "trust")).create()
    try FileManager.default.createDirectory(
      at: root.appending(path: "logs"), withIntermediateDirectories: true)
    var record = Record(entries: [])
    for process in plan.processes {
      let child = try ChildProcess.start(
        program: process.program, arguments: process.arguments, environment: process.environment,
        log: logURL(of: process.service))
      record.entries.append(
        .init(service: process.service.rawValue, process: child, port: process.port))
      try save(record)
    }
    do {
      for process in plan.processes {
        try await waitUntilReady(process.service, timeoutMs: timeoutMs)
      }
    } catch {
      try await stop()
      throw error
    }
  }

  /// Starts one service of a running stack again after its process has ended; returns when it takes
  /// calls.
  package func restart(_ process: StackPlan.Process, timeoutMs: Int = 60_000) async throws {
    guard var record = try record(),
      let index = record.entries.firstIndex(where: { $0.service == process.service.rawValue })
    else {
      throw CommandFailure("the stack in \(root.path) has no \(process.service.rawValue)")
    }
    let child = try ChildProcess.start(
      program: process.program, arguments: process.arguments, environment: process.environment,
      log: logURL(of: process.service))
    record.entries[index] = .init(
      service: process.service.rawValue, process: child, port: process.port)
    try save(record)
    try await waitUntilReady(process.service, timeoutMs: timeoutMs)
  }

  /// Stops every process: politely, then not. Returns the services that had to be killed.
  @discardableResult
  package func stop(graceMs: Int = 15_000) async throws -> [String] {
    guard let record = try record() else { return [] }
    var killed: [String] = []
    // Those that depend on others go first.
    for entry in record.entries.reversed() {
      if try await !entry.process.stop(graceMs: graceMs) { killed.append(entry.service) }
    }
    try? FileManager.default.removeItem(at: recordURL)
    return killed
  }

  /// A client of a running service, as the identity `name`.
  package func client(of service: WellKnownService, as name: String) throws -> RPCClient {
    guard let entry = try record()?.entries.first(where: { $0.service == service.rawValue }) else {
      throw CommandFailure("the stack in \(root.path) does not run; start it with `tacit up`")
    }
    let material = TLSMaterial(
      certificatePath: identityDirectory.appending(path: "\(name).pem").path,
      keyPath: identityDirectory.appending(path: "\(name)-key.pem").path,
      authorityPath: identityDirectory.appending(path: "ca.pem").path)
    return try RPCClient(
      endpoint: Endpoint(host: "127.0.0.1", port: entry.port),
      security: .mutualTLS(material, expects: service.rawValue),
      log: Logger(label: "tacit.client", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  /// The log of a service.
  package func logURL(of service: WellKnownService) -> URL {
    root.appending(path: "logs/\(service.rawValue).log")
  }

  /// The last lines of a service's log.
  package func lastLogLines(of service: WellKnownService, count: Int) -> [Substring] {
    guard let text = try? String(contentsOf: logURL(of: service), encoding: .utf8) else {
      return []
    }
    return text.split(separator: "\n").suffix(count)
  }

  private func waitUntilReady(_ service: WellKnownService, timeoutMs: Int) async throws {
    let client = try client(of: service, as: "admin-dev")
    do {
      try await waitUntilReady(service, client, timeoutMs: timeoutMs)
      await client.close()
    } catch {
      await client.close()
      throw error
    }
  }

  private func waitUntilReady(
    _ service: WellKnownService, _ client: RPCClient, timeoutMs: Int
  ) async throws {
    let deadline = SystemTime().monotonicMicroseconds + Int64(timeoutMs) * 1_000
    var advice = "it does not answer"
    while SystemTime().monotonicMicroseconds < deadline {
      let entry = try record()?.entries.first { $0.service == service.rawValue }
      guard entry?.process.isRunning == true else {
        throw CommandFailure(
          "\(service.programName) ended while starting; its log \(logURL(of: service).path) says:\n"
            + lastLogLines(of: service, count: 5).joined(separator: "\n"))
      }
      do {
        let reply = try await HealthClient(client).check(
          CheckRequest(), options: CallOptions(timeoutMs: 1_000))
        if reply.state == .ready { return }
        advice = reply.advice
      } catch {
        advice = text(of: error)
      }
      try await Task.sleep(for: .milliseconds(25))
    }
    throw CommandFailure(
      "\(service.programName) is not ready after \(timeoutMs / 1_000) s: \(advice)")
  }

  private func save(_ record: Record) throws {
    try JSONEncoder().encode(record).write(to: recordURL, options: .atomic)
  }
}
