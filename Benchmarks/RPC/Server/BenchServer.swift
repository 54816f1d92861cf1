internal import ArgumentParser
internal import BenchAPI
internal import Foundation
internal import Logging
internal import RPC
internal import Transport
internal import WireFormat

/// The server of the RPC benchmark: answers what it is sent, and says nothing else.
@main
struct BenchServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rpc-bench-server",
    abstract: "Answers the calls of the RPC benchmark until it is stopped.")

  @Option(help: "Where to listen; port 0 takes a free one, which is printed.")
  var listen = "127.0.0.1:0"

  @Option(help: "A directory for certificates, made when they are missing; without it plain TCP.")
  var tls: String?

  @Option(help: "Stops by itself after so many seconds.")
  var secondsMax = 900

  func run() async throws {
    var log = Logger(label: "bench")
    log.logLevel = .warning
    var router = Router()
    EchoService().register(on: &router)
    let server = RPCServer(
      router: router, endpoint: try Endpoint(listen), security: try security(),
      authorizer: Everybody(), log: log)
    let endpoint = try await server.start()
    print("listening \(endpoint.port)")
    fflush(nil)
    try await Task.sleep(for: .seconds(secondsMax))
    await server.drain(timeoutMs: 0)
  }

  private func security() throws -> ServerSecurity {
    guard let tls else { return .plainLoopback }
    let directory = URL(filePath: tls, directoryHint: .isDirectory)
    let authority = try DevelopmentAuthority.create(in: directory, replacing: true)
    let material = try authority.issue(.service("bench"), replacing: true)
    _ = try authority.issue(.service("load"), replacing: true)
    return .mutualTLS(material)
  }
}

/// Anybody may call anything: there is nothing to be had.
private struct Everybody: MethodAuthorizer {
  func permits(_ peer: PeerIdentity, _ method: MethodDescriptor) -> Bool { true }
}

private struct EchoService: EchoServing {
  func echo(_ request: EchoRequest, context: CallContext) throws -> EchoReply {
    EchoReply(payload: request.payload)
  }

  func echoInTask(_ request: EchoRequest, context: CallContext) async throws -> EchoReply {
    EchoReply(payload: request.payload)
  }
}
