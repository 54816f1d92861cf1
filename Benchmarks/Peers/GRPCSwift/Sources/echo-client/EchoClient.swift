import EchoSchema
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import NIOPosix
import Synchronization

/// The load of Benchmarks/RPC/Client, with the peer's own client: so many tasks call in a loop, on
/// each of so many connections; then one line of JSON.
///
///     echo-client --port P [--connections M] [--in-flight N] [--payload BYTES]
///       [--warmup-ms W] [--measure-ms T] [--loops L] [--tls DIRECTORY]
///
/// With mutual TLS it uses peer.pem, peer-key.pem and peer-ca.pem there.
@main
struct EchoClient {
  static func main() async throws {
    var options = [
      "--port": 0, "--connections": 1, "--in-flight": 128, "--payload": 64, "--warmup-ms": 300,
      "--measure-ms": 1_000, "--loops": 1,
    ]
    var arguments = CommandLine.arguments.dropFirst()
    var security = HTTP2ClientTransport.Posix.TransportSecurity.plaintext
    while let name = arguments.popFirst() {
      if name == "--tls", let directory = arguments.popFirst() {
        security = mutualTLS(directory)
        continue
      }
      guard options[name] != nil, let value = arguments.popFirst().flatMap({ Int($0) }) else {
        print("unknown: \(name)")
        exit(2)
      }
      options[name] = value
    }
    func option(_ name: String) -> Int { options[name] ?? 0 }

    let (connections, inFlight) = (option("--connections"), option("--in-flight"))
    let load = Load(
      payload: option("--payload"), sampleInterval: connections * inFlight > 16 ? 16 : 1)
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: option("--loops"))
    var report = Report()
    try await withThrowingTaskGroup(of: Report.self) { group in
      for _ in 0..<connections {
        let client = GRPCClient(
          transport: try .http2NIOPosix(
            target: .ipv4(address: "127.0.0.1", port: option("--port")),
            transportSecurity: security, eventLoopGroup: loops))
        group.addTask {
          try await client.runConnections()
          return Report()
        }
        let echo = Tacit_Bench_V1_Echo.Client(wrapping: client)
        load.add(client.beginGracefulShutdown)
        for _ in 0..<inFlight { group.addTask { try await load.run(echo) } }
      }
      try await Task.sleep(for: .milliseconds(option("--warmup-ms")))
      load.phase.store(1, ordering: .relaxed)
      let start = ContinuousClock.now
      try await Task.sleep(for: .milliseconds(option("--measure-ms")))
      load.phase.store(2, ordering: .relaxed)
      report.seconds = Double((ContinuousClock.now - start) / .microseconds(1)) / 1e6
      for _ in 0..<(connections * inFlight) {
        if let part = try await group.next() { report.add(part) }
      }
      load.shutDown()
    }
    print(report.json)
  }
}

private func mutualTLS(_ directory: String) -> HTTP2ClientTransport.Posix.TransportSecurity {
  .mTLS(
    certificateChain: [.file(path: "\(directory)/peer.pem", format: .pem)],
    privateKey: .file(path: "\(directory)/peer-key.pem", format: .pem)
  ) { configuration in
    configuration.trustRoots = .certificates([
      .file(path: "\(directory)/peer-ca.pem", format: .pem)
    ])
    configuration.serverCertificateVerification = .noHostnameVerification
  }
}

final class Load: Sendable {
  /// 0 before, 1 during, 2 after the measurement.
  let phase = Atomic<Int>(0)
  private let payload: Int
  private let sampleInterval: Int
  private let shutdowns = Mutex<[@Sendable () -> Void]>([])

  init(payload: Int, sampleInterval: Int) {
    self.payload = payload
    self.sampleInterval = sampleInterval
  }

  func add(_ shutdown: @escaping @Sendable () -> Void) {
    shutdowns.withLock { $0.append(shutdown) }
  }

  func shutDown() { for shutdown in shutdowns.withLock({ $0 }) { shutdown() } }

  func run<Transport: ClientTransport>(
    _ echo: Tacit_Bench_V1_Echo.Client<Transport>
  ) async throws -> Report {
    var report = Report()
    let request = Tacit_Bench_V1_EchoRequest.with {
      $0.payload = Data(repeating: 0x61, count: payload)
    }
    while true {
      let phase = phase.load(ordering: .relaxed)
      if phase == 2 { return report }
      let start = report.callCount % sampleInterval == 0 ? ContinuousClock.now : nil
      let reply = try await echo.echo(request)
      precondition(reply.payload.count == payload)
      report.callCount += 1
      guard phase == 1 else { continue }
      report.measuredCount += 1
      if let start {
        report.record(nanoseconds: Int((ContinuousClock.now - start) / .nanoseconds(1)))
      }
    }
  }
}

struct Report: Sendable {
  var callCount = 0
  var measuredCount = 0
  var seconds = 0.0
  private var latencies: [Int32] = []

  mutating func record(nanoseconds: Int) { latencies.append(Int32(clamping: nanoseconds)) }

  mutating func add(_ other: Report) {
    callCount += other.callCount
    measuredCount += other.measuredCount
    latencies += other.latencies
  }

  var json: String {
    let sorted = latencies.sorted()
    func microseconds(_ share: Double) -> Double {
      guard !sorted.isEmpty else { return 0 }
      return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]) / 1_000
    }
    return "{\"calls\": \(measuredCount), \"calls_total\": \(callCount), "
      + "\"seconds\": \(seconds), \"calls_per_s\": \(Double(measuredCount) / max(seconds, 1e-9)), "
      + "\"p50_us\": \(microseconds(0.5)), \"p99_us\": \(microseconds(0.99))}"
  }
}
