import Dispatch
import EchoSchema
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2

/// echo-server [event-loops]: prints "listening PORT", answers until it is stopped, 15 minutes at
/// most.
@main
struct EchoServer {
  static func main() async throws {
    let loopCount = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1
    let server = GRPCServer(
      transport: .http2NIOPosix(
        address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: .plaintext,
        eventLoopGroup: .init(numberOfThreads: loopCount)),
      services: [Echo()])
    try await withThrowingDiscardingTaskGroup { group in
      group.addTask { try await server.serve() }
      if let address = try await server.listeningAddress, let port = address.ipv4?.port {
        print("listening \(port)")
        fflush(nil)
      }
      group.addTask {
        try await Task.sleep(for: .seconds(900))
        exit(0)
      }
    }
  }
}

struct Echo: Tacit_Bench_V1_Echo.SimpleServiceProtocol {
  func echo(
    request: Tacit_Bench_V1_EchoRequest, context: ServerContext
  ) async throws -> Tacit_Bench_V1_EchoReply {
    .with { $0.payload = request.payload }
  }
}
