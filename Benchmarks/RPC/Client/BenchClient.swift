internal import ArgumentParser
internal import BenchAPI
internal import Foundation
internal import RPC
internal import Transport

/// The client of the RPC benchmark: so many calls in flight for so long, then one line of JSON.
@main
struct BenchClient: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rpc-bench-client",
    abstract: "Calls the server of the RPC benchmark and prints what it measured as JSON.")

  @Option(help: "The server's port on the loopback address.")
  var port: Int

  @Option(help: "Connections.")
  var connections = 1

  @Option(help: "Calls in flight on each connection.")
  var inFlight = 128

  @Option(help: "Bytes of payload in a request and in its reply.")
  var payload = 64

  @Option(help: "Milliseconds before the measurement.")
  var warmupMs = 300

  @Option(help: "Milliseconds of measurement.")
  var measureMs = 1_000

  @Option(help: "The directory of certificates that the server made; without it plain TCP.")
  var tls: String?

  @Flag(help: "Calls the method that runs in a task of its own.")
  var inTask = false

  @Flag(help: "Lets the calling tasks run on any thread instead of their connection's event loop.")
  var anyThread = false

  func run() async throws {
    let security: ClientSecurity =
      if let tls {
        .mutualTLS(
          TLSMaterial(
            certificatePath: "\(tls)/load.pem", keyPath: "\(tls)/load-key.pem",
            authorityPath: "\(tls)/ca.pem"), expects: "bench")
      } else {
        .plainLoopback
      }
    let load = Load(
      payloadByteCount: payload, isInTask: inTask,
      sampleInterval: inFlight * connections > 16 ? 16 : 1)
    let endpoint = try Endpoint(host: "127.0.0.1", port: port)
    let clients = try (0..<connections).map { _ in
      try RPCClient(endpoint: endpoint, security: security)
    }
    var report = Report()
    try await withThrowingTaskGroup(of: Report.self) { group in
      for client in clients {
        for _ in 0..<inFlight {
          group.addTask(executorPreference: anyThread ? nil : client.executor) {
            try await load.run(EchoClient(client))
          }
        }
      }
      try await Task.sleep(for: .milliseconds(warmupMs))
      load.enter(.measuring)
      let start = ContinuousClock.now
      try await Task.sleep(for: .milliseconds(measureMs))
      load.enter(.over)
      report.seconds = Double((ContinuousClock.now - start) / .microseconds(1)) / 1e6
      for try await part in group { report.add(part) }
    }
    for client in clients { await client.close() }
    print(report.json)
  }
}
