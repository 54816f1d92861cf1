import Dispatch
import EchoSchema
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2

/// echo-server [event-loops] [--tls DIRECTORY]: prints "listening PORT", answers until it is stopped,
/// 15 minutes at most. With mutual TLS it uses peer.pem, peer-key.pem and peer-ca.pem there.
@main
struct EchoServer {
  static func main() async throws {
    let arguments = CommandLine.arguments
    let loopCount = arguments.dropFirst().first.flatMap { Int($0) } ?? 1
    var security = HTTP2ServerTransport.Posix.TransportSecurity.plaintext
    if let index = arguments.firstIndex(of: "--tls"), index + 1 < arguments.count {
      let directory = arguments[index + 1]
      security = .mTLS(
        certificateChain: [.file(path: "\(directory)/peer.pem", format: .pem)],
        privateKey: .file(path: "\(directory)/peer-key.pem", format: .pem)
      ) { $0.trustRoots = .certificates([.file(path: "\(directory)/peer-ca.pem", format: .pem)]) }
    }
    let server = GRPCServer(
      transport: .http2NIOPosix(
        address: .ipv4(host: "127.0.0.1", port: 0), transportSecurity: security,
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
