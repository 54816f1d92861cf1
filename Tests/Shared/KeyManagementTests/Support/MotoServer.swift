import Foundation
import Glibc
import HTTP
import NIOCore
import NIOPosix
import Testing

/// AWS KMS as moto plays it, in a process of its own on loopback.
struct MotoServer: Sendable {
  static let region = "eu-central-1"

  let port: Int
  private let client: HTTPClient

  /// Where moto's server is: `TACIT_MOTO_SERVER`, what the tests' own script installs, or the path.
  static let program: URL? = {
    let environment = ProcessInfo.processInfo.environment
    let repository = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let named = environment["TACIT_MOTO_SERVER"].map { URL(filePath: $0) }
    let installed = repository.appending(path: ".build/test-python/bin/moto_server")
    let inPath = (environment["PATH"] ?? "").split(separator: ":")
      .map { URL(filePath: String($0)).appending(path: "moto_server") }
    return ([named, installed].compactMap { $0 } + inPath)
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
  }()

  /// Runs `body` with a server that answers; ends it afterwards.
  static func with<Result>(_ body: (MotoServer) async throws -> Result) async throws -> Result {
    // A port that was free a moment ago; moto takes no 0.
    let probe = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(probe.localAddress?.port)
    try await probe.close()
    let server = MotoServer(
      port: port, client: try HTTPClient(try #require(HTTPAddress("http://127.0.0.1:\(port)/"))))
    let process = Process()
    process.executableURL = program
    process.arguments = ["-H", "127.0.0.1", "-p", "\(port)"]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    defer {
      // SIGTERM may be blocked in what a test runner starts.
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    let clock = ContinuousClock()
    let limit = clock.now + .seconds(60)
    while (try? await server.client.send(HTTPRequest(.get, target: "/moto-api/"), timeoutMs: 500))
      == nil
    {
      try #require(clock.now < limit, "moto answers")
      try await Task.sleep(for: .milliseconds(100))
    }
    return try await body(server)
  }

  /// Hands a request on, and its answer back.
  func forward(_ received: LoopbackHTTPServer.Received) async -> LoopbackHTTPServer.Answer {
    let headers = received.headers.filter {
      !["host", "content-length", "connection"].contains($0.key)
    }
    let request = HTTPRequest(
      .post, target: received.target, headers: headers.map { ($0.key, $0.value) },
      body: received.body)
    guard let answer = try? await client.send(request, timeoutMs: 10_000) else { return .cut }
    return .reply(answer.status, body: answer.body)
  }

  /// Calls an operation that only tests need.
  @discardableResult
  func call(_ operation: String, _ arguments: [String: Any] = [:]) async throws -> [String: Any] {
    let credential = "test/20260101/\(Self.region)/kms/aws4_request"
    let answer = try await client.send(
      HTTPRequest(
        .post, target: "/",
        headers: [
          ("Content-Type", "application/x-amz-json-1.1"),
          ("X-Amz-Target", "TrentService.\(operation)"),
          (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=\(credential), SignedHeaders=host, Signature=0"
          ),
        ], body: Array(try JSONSerialization.data(withJSONObject: arguments))),
      timeoutMs: 10_000)
    try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
    return try JSONSerialization.jsonObject(
      with: Data(answer.body), options: .fragmentsAllowed) as? [String: Any] ?? [:]
  }

  /// Makes a key and answers its ARN.
  func createKey() async throws -> String {
    let metadata = try await call("CreateKey")["KeyMetadata"] as? [String: Any]
    return try #require(metadata?["Arn"] as? String)
  }
}
