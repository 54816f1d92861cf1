import Foundation
import HTTP
import NIOSSL
import TestSupport
import Testing

@Suite("The HTTP client")
struct HTTPClientTests {
  private func withServer(
    _ answer: @escaping @Sendable (LoopbackHTTPServer.Received) async -> LoopbackHTTPServer.Answer,
    _ body: (LoopbackHTTPServer, HTTPClient) async throws -> Void
  ) async throws {
    let server = LoopbackHTTPServer(answer: answer)
    let port = try await server.start()
    let client = try HTTPClient(try #require(HTTPAddress("http://127.0.0.1:\(port)/base")))
    try await body(server, client)
    client.close()
    await server.stop()
  }

  @Test("sends method, target, headers and body, and gives back status, headers and body")
  func exchange() async throws {
    try await withServer({
      .reply(201, headers: ["X-Answer": "yes"], body: $0.body + [9])
    }) { server, client in
      let answer = try await client.send(
        HTTPRequest(.put, target: "/a?b=c", headers: [("X-Ask", "1")], body: [1, 2]),
        timeoutMs: 5_000)
      #expect(answer.status == 201)
      #expect(answer.headers["x-answer"] == "yes")
      #expect(answer.body == [1, 2, 9])
      _ = try await client.send(HTTPRequest(.get), timeoutMs: 5_000)
      #expect(server.received.map(\.method) == ["PUT", "GET"])
      #expect(server.received.map(\.target) == ["/a?b=c", "/base"])
      #expect(server.received.first?.headers["x-ask"] == "1")
      #expect(server.received.first?.headers["content-length"] == "2")
      #expect(server.connectionCount == 1, "a connection is used again")
    }
  }

  @Test("many at once each have a connection of their own")
  func concurrency() async throws {
    try await withServer({ received in
      try? await Task.sleep(for: .milliseconds(20))
      return .reply(200, body: received.body)
    }) { server, client in
      try await withThrowingTaskGroup(of: Bool.self) { group in
        for number in 0..<8 {
          group.addTask {
            let body = [UInt8(number)]
            return try await client.send(HTTPRequest(.post, body: body), timeoutMs: 5_000).body
              == body
          }
        }
        for try await isSame in group { #expect(isSame) }
      }
      #expect(server.received.count == 8)
      #expect((2...8).contains(server.connectionCount))
    }
  }

  @Test("an answer of the longest length is taken, a longer one is not")
  func answerLength() async throws {
    try await withServer({ _ in .reply(200, body: [UInt8](repeating: 1, count: 1_000)) }) {
      _, client in
      let fits = HTTPRequest(.get, answerByteCountMax: 1_000)
      let longest = try await client.send(fits, timeoutMs: 5_000)
      #expect(longest.body.count == 1_000)
      await #expect {
        _ = try await client.send(HTTPRequest(.get, answerByteCountMax: 999), timeoutMs: 5_000)
      } throws: {
        "\($0)" == "the answer is longer than 999 bytes"
      }
      let next = try await client.send(fits, timeoutMs: 5_000)
      #expect(next.status == 200)
    }
  }

  @Test("a connection that the other side does not keep is not used again")
  func closedByServer() async throws {
    try await withServer({ _ in .reply(200, headers: ["Connection": "close"]) }) {
      server, client in
      for _ in 0..<3 {
        let answer = try await client.send(HTTPRequest(.get), timeoutMs: 5_000)
        #expect(answer.status == 200)
      }
      #expect(server.connectionCount == 3)
    }
  }

  @Test("TLS trusts the authorities it is given and no other, and plain bytes are no TLS")
  func tls() async throws {
    try await withTemporaryDirectory { directory in
      func path(_ name: String) -> String { directory.appending(path: name).path }
      for name in ["server", "other"] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
          "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
          "-nodes", "-days", "2", "-subj", "/CN=tacit test", "-addext",
          "subjectAltName=IP:127.0.0.1", "-keyout", path("\(name).key"), "-out",
          path("\(name).pem"),
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl makes a certificate")
      }
      let context = try NIOSSLContext(
        configuration: .makeServerConfiguration(
          certificateChain: NIOSSLCertificate.fromPEMFile(path("server.pem"))
            .map { .certificate($0) },
          privateKey: .privateKey(NIOSSLPrivateKey(file: path("server.key"), format: .pem))))
      let server = LoopbackHTTPServer { _ in .reply(200, body: [7]) }
      let port = try await server.start(tls: context)
      let address = try #require(HTTPAddress("https://127.0.0.1:\(port)/"))

      let trusting = try HTTPClient(address, authorityFile: path("server.pem"))
      let answer = try await trusting.send(HTTPRequest(.get), timeoutMs: 5_000)
      #expect(answer.body == [7])
      for authority in [path("other.pem"), nil] {
        let client = try HTTPClient(address, authorityFile: authority)
        await #expect {
          _ = try await client.send(HTTPRequest(.get), timeoutMs: 5_000)
        } throws: {
          "\($0)".hasPrefix("no trust in the other side: ")
        }
      }
      #expect(server.received.count == 1, "nothing is sent before there is trust")
      await server.stop()
      #expect(throws: HTTPFailure.self) {
        _ = try HTTPClient(address, authorityFile: path("server.key"))
      }
    }
  }

  @Test("what fails says why")
  func failures() async throws {
    try await withServer({ _ in .silence }) { server, client in
      await #expect {
        _ = try await client.send(HTTPRequest(.get), timeoutMs: 500)
      } throws: {
        "\($0)" == "no answer in 500 ms"
      }
      await server.stop()
      await #expect {
        _ = try await client.send(HTTPRequest(.get), timeoutMs: 5_000)
      } throws: {
        "\($0)" == "the connection was refused"
      }
    }
    try await withServer({ $0.target == "/cut" ? .cut : .cutInside }) { _, client in
      for target in ["/cut", "/inside"] {
        await #expect {
          _ = try await client.send(HTTPRequest(.get, target: target), timeoutMs: 5_000)
        } throws: {
          ["the connection was closed", "the connection broke"].contains("\($0)")
        }
      }
    }
    let nowhere = try HTTPClient(try #require(HTTPAddress("https://nowhere.invalid/")))
    await #expect {
      _ = try await nowhere.send(HTTPRequest(.get), timeoutMs: 5_000)
    } throws: {
      "\($0)" == "the host's name is not known"
    }
  }
}
